import { render } from "preact";
import { connectApi } from "./api";
import { openBookmark } from "./bookmark";
import { Page } from "./components/Page";
import { Conversation } from "./conversation";
import { makeIdentifier } from "./identifier";
import "./styles.css";

const conversation = new Conversation({
  api: connectApi(),
  bookmark: openBookmark(),
  now: () => new Date(),
  makeIdentifier,
});

conversation.start();
render(<Page conversation={conversation} />, document.getElementById("page")!);
