-- Remember a change, in the place of the one that had the slot.
INSERT OR REPLACE INTO changes (
    session, slot, change_id, digest, revision, integers, first_item, last_item
) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
