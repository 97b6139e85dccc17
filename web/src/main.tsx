import { render } from "preact";
import { connectApi } from "./api";
import { Chat } from "./chat";
import { openClock } from "./clock";
import { Page } from "./components/Page";
import { makeIdentifier } from "./identifier";
import { Shelf } from "./shelf";
import { openStorage } from "./storage";
import "./styles.css";
import { openTheme } from "./theme";
import { openWays } from "./ways";
import { openLanguage } from "./words";

const browser = openStorage(() => localStorage);
const tab = openStorage(() => sessionStorage);
const api = connectApi();
const now = () => new Date();
openLanguage(browser);
openTheme(browser);

const chat = new Chat({
  api,
  ways: openWays(api, tab, now),
  shelf: new Shelf(browser, tab),
  tab,
  browser,
  now,
  clock: openClock(),
  makeIdentifier,
});

render(<Page chat={chat} settings={browser} />, document.getElementById("page")!);
