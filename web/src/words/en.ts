import type { Role, TextKey } from "../wire";

/** Everything that the page says in English; other languages say the same. */
export const EN = {
  language: "English",
  shop: {
    name: "Driftwood & Tide",
    trade: "Outdoor and coastal gear",
    demonstration: "A demonstration with a fictional shop.",
    greeting: "Hello, how can we help?",
    introduction:
      "Ask about an order, a return, your membership or your gear. Answers come from our help articles, and each one shows its sources.",
  },
  title: "Driftwood & Tide: help",
  roles: { user: "You", assistant: "Assistant", staff: "Help desk", system: "Note" } as Record<
    Role,
    string
  >,
  aiBadge: "AI",
  aiTitle: "Answered automatically",
  conversation: "Conversation",
  suggested: "Suggested questions",
  /** What is asked about most. */
  suggestions: [
    "Where is my order?",
    "How do I return an item?",
    "How long does delivery take?",
    "What does the warranty cover?",
  ],

  question: "Your question",
  placeholder: "Write your question",
  send: "Send",
  stop: "Stop answering",
  stopping: "Stopping…",
  keys: ["Enter", " sends, ", "Shift", " + ", "Enter", " starts a new line"],
  tooLong: (most: string) => `This is too long to send: a message has at most ${most} characters.`,
  person: "Talk to a person",
  personRequest: "I would like to talk to a person, please.",

  menu: "Conversations and settings",
  close: "Close",
  fresh: "New conversation",
  begunAnew: "This is a new conversation.",
  earlier: "Your conversations",
  noneYet: "None yet. Ask something, and it is kept here.",
  untitled: "Conversation",
  download: "Download transcript",
  chooseLanguage: "Language",
  appearance: "Appearance",
  themes: { auto: "Automatic", light: "Light", dark: "Dark" },

  delivery: { sending: "Sending…", waiting: "Waiting for its turn", sent: "Sent" },
  notSent: "Not sent.",
  interrupted: "The answer broke off.",
  unanswered: "This was not answered.",
  kept: "Your message is kept.",
  instead: "A person can help you.",
  retry: "Retry",
  stopped: "Stopped",
  status: {
    thinking: "Looking for an answer…",
    searching: "Searching the help articles…",
    reading: "Reading an article…",
    writing: "Writing…",
  } as Record<TextKey, string>,
  looking: "Looking for an answer.",
  othersType: (name: string) => `${name || "Someone"} is writing…`,

  offline: "You are offline.",
  reconnecting: "Reconnecting…",
  messagesKept: "Your messages are kept.",
  tryNow: "Try now",
  restoring: "Opening your conversation…",
  ended: "Your earlier conversation has ended, so this is a new one.",
  endedMeanwhile: "The earlier conversation had ended. A new one starts here.",
  endedHere: "This conversation has ended. You can still read it; what you write next starts a new one.",
  over: "This conversation has ended",
  overReadable: "You can still read it here. What you write next starts a new one.",
  endsSoon: (time: string) => `This conversation ends at ${time} if nobody writes.`,
  endsAnyway: (time: string) => `This conversation ends at ${time} and cannot last longer.`,
  stay: "Stay",
  stayed: "The conversation goes on.",
  withStaff: (name: string) => `You are talking with ${name || "the help desk"}.`,
  assistantAgain: "The assistant answers again.",

  sources: "Sources of this answer",
  source: "Source",
  withSources: (count: number) =>
    count === 0 ? "" : count === 1 ? "With one source." : `With ${count} sources.`,
  table: "Table",
  newTab: "opens in a new tab",
  aboutAnswer: "About this answer",
  copy: "Copy",
  copied: "Copied",
  helpful: "Helpful",
  unhelpful: "Not helpful",
  thanks: "Thank you for telling us.",
  sorry: "Thank you for telling us. A person can help you, too.",
  newest: "Newest message",

  personAsked: "A person has been asked to help.",
  ticket: "Your ticket is",
  meanwhile: "You can keep writing here.",

  problems: {
    UNREACHABLE: "The help desk cannot be reached. Please check your connection.",
    NO_COOKIES: "This browser keeps no cookies for this page, and a conversation needs one.",
    TIMEOUT: "The answer is taking too long.",
  } as Record<string, string>,
  problem: "The help desk could not take this. Please try again.",
  /** Why there is no answer, by what the service says; where it says more, its own words do. */
  reasons: { "The answer was interrupted.": "The answer broke off." } as Record<string, string>,
};
