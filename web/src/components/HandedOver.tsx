import { words } from "../words";
import { Person } from "./icons";

export function HandedOver({ ticketId }: { ticketId: string | null }) {
  const { handedOver, personAsked, ticket, meanwhile } = words.value;
  return (
    <aside class="handed-over" aria-label={handedOver}>
      <Person />
      <p>
        <strong>{personAsked}</strong>{" "}
        {ticketId !== null && (
          <>
            {ticket}
            <code>{ticketId}</code>.{" "}
          </>
        )}
        {meanwhile}
      </p>
    </aside>
  );
}
