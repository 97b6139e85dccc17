import { Person } from "./icons";

export function HandedOver({ ticketId }: { ticketId: string | null }) {
  return (
    <aside class="handed-over" aria-label="Handed to a person">
      <Person />
      <p>
        <strong>A person has been asked to help.</strong>{" "}
        {ticketId === null ? "" : <>Your ticket is <code>{ticketId}</code>.</>} You can keep writing
        here in the meantime.
      </p>
    </aside>
  );
}
