import type { ComponentChildren } from "preact";

function Icon({ children }: { children: ComponentChildren }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      {children}
    </svg>
  );
}

export function Pencil() {
  return (
    <Icon>
      <path d="M11.5 4H5a1.8 1.8 0 0 0-1.8 1.8V15A1.8 1.8 0 0 0 5 16.8h9.2A1.8 1.8 0 0 0 16 15V9" />
      <path d="m9 11 .5-2.4 6.2-6.2 1.9 1.9-6.2 6.2z" />
    </Icon>
  );
}

export function Send() {
  return (
    <Icon>
      <path d="M10 16.5v-13M4.5 9 10 3.5 15.5 9" />
    </Icon>
  );
}

export function Person() {
  return (
    <Icon>
      <circle cx="10" cy="6.5" r="3.2" />
      <path d="M3.8 17c.6-3.3 3-5 6.2-5s5.6 1.7 6.2 5" />
    </Icon>
  );
}

export function Chevron() {
  return (
    <Icon>
      <path d="m6 8 4 4 4-4" />
    </Icon>
  );
}

export function Arrow() {
  return (
    <Icon>
      <path d="m8 5.5 4.5 4.5L8 14.5" />
    </Icon>
  );
}

/** The sign of the shop: a low sun over two waves. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 40 40" aria-hidden="true" focusable="false">
      <circle class="mark-sun" cx="20" cy="17" r="8.5" />
      <path class="mark-sea" d="M2 23c4 0 4-3 9-3s5 3 9 3 5-3 9-3 5 3 9 3v15H2z" />
      <path d="M4 24c4 0 4-3 8-3s4 3 8 3 4-3 8-3 4 3 8 3M9 31c2.8 0 2.8-2.4 5.5-2.4S17.2 31 20 31s2.8-2.4 5.5-2.4S28.2 31 31 31" />
    </svg>
  );
}
