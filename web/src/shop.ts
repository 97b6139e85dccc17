/** What the help articles are written in. */
export const ARTICLES = "en";

/** What is asked about most; the help articles are in English, so the questions are, too. */
export const SUGGESTIONS = [
  "Where is my order?",
  "How do I return an item?",
  "How long does delivery take?",
  "What does the warranty cover?",
] as const;
