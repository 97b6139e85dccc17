/** The fictional shop of the demonstration. */
export const SHOP = {
  name: "Driftwood & Tide",
  trade: "Outdoor and coastal gear",
  greeting: "Hello, how can we help?",
  introduction:
    "Ask about an order, a return, your membership or your gear. Answers come from our help articles and show where they stand in them.",
  suggestions: [
    "Where is my order?",
    "How do I return something that does not fit?",
    "How long does delivery take?",
    "What does the warranty cover?",
  ],
  personRequest: "I would like to talk to a person, please.",
} as const;
