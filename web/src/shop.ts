/** The fictional shop of the demonstration. */
export const SHOP = {
  name: "Driftwood & Tide",
  trade: "Outdoor and coastal gear",
  greeting: "Hello, how can we help?",
  introduction:
    "Ask about an order, a return, your membership or your gear. Answers come from our help articles, and each one shows its sources.",
  suggestions: [
    "Where is my order?",
    "How do I return an item?",
    "How long does delivery take?",
    "What does the warranty cover?",
  ],
  personRequest: "I would like to talk to a person, please.",
} as const;
