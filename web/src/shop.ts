/** What the help articles are written in. */
export const ARTICLES = "en";
