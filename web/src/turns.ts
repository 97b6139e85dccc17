/**
 * Steps of one conversation, run one after another in the order of their asking.
 *
 * When the visitor moves to another conversation the turns are over: steps that wait are
 * dropped, and the one that runs finds `over` set and leaves the page alone.
 */
export class Turns {
  over = false;
  #last: Promise<void> = Promise.resolve();

  then(step: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(() => (this.over ? undefined : step()));
    // A step that breaks is reported through `turn`; the next one runs all the same.
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
