import type { Announcement } from "../announcement";

/** Says each event once; the log itself stays silent, so that nothing is read twice. */
export function Announcer({ announcement }: { announcement: Announcement }) {
  return (
    <div class="unseen" aria-live="polite" data-announcer="">
      <p key={announcement.count}>{announcement.text}</p>
    </div>
  );
}
