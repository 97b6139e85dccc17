-- Put the same items, sealed anew, in the place of a stretch.
UPDATE stretches SET lengths = ?, sealed = ? WHERE session = ? AND last = ?
