import { render } from "preact";
import { connectApi } from "./api";
import { Chat } from "./chat";
import { Page } from "./components/Page";
import { makeIdentifier } from "./identifier";
import { Shelf } from "./shelf";
import { openStorage } from "./storage";
import "./styles.css";
import { openTheme } from "./theme";
import { openLanguage } from "./words";

const browser = openStorage(() => localStorage);
const tab = openStorage(() => sessionStorage);
openLanguage(browser);
openTheme(browser);

const chat = new Chat({
  api: connectApi(),
  shelf: new Shelf(browser, tab),
  tab,
  now: () => new Date(),
  makeIdentifier,
});

render(<Page chat={chat} settings={browser} />, document.getElementById("page")!);
