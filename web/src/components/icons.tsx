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

export function List() {
  return (
    <Icon>
      <path d="M3.5 5.5h13M3.5 10h13M3.5 14.5h8" />
    </Icon>
  );
}

export function Cross() {
  return (
    <Icon>
      <path d="m5 5 10 10M15 5 5 15" />
    </Icon>
  );
}

export function Download() {
  return (
    <Icon>
      <path d="M10 3.5v9M6 9l4 4 4-4M3.5 16.5h13" />
    </Icon>
  );
}

export function Stop() {
  return (
    <Icon>
      <rect class="filled" x="5.5" y="5.5" width="9" height="9" rx="1.5" />
    </Icon>
  );
}

export function Copy() {
  return (
    <Icon>
      <rect x="7" y="7" width="9.5" height="9.5" rx="2" />
      <path d="M13 4.2A1.8 1.8 0 0 0 11.7 3.5H5.5a2 2 0 0 0-2 2v6.2c0 .5.3 1 .7 1.3" />
    </Icon>
  );
}

export function Check() {
  return (
    <Icon>
      <path d="m4 10.5 4 4 8-9" />
    </Icon>
  );
}

export function ThumbUp() {
  return (
    <Icon>
      <path d="M6.5 9v7.5M6.5 9l3.2-6c1.2 0 1.9.9 1.7 2.1L10.9 8h4.3c1 0 1.7.9 1.4 1.9l-1.4 5.2c-.2.8-.9 1.4-1.8 1.4H6.5M6.5 9h-3v7.5h3" />
    </Icon>
  );
}

export function ThumbDown() {
  return (
    <Icon>
      <path d="M13.500 11V3.500M13.500 11l-3.200 6c-1.200 0-1.900-.9-1.700-2.100l.5-2.900H4.800c-1 0-1.700-.9-1.400-1.900l1.400-5.200c.2-.8.9-1.400 1.800-1.400h6.900M13.500 11h3V3.500h-3" />
    </Icon>
  );
}

export function Hourglass() {
  return (
    <Icon>
      <path d="M5.5 3.5h9M5.5 16.500h9M6.500 3.500c0 4 2.400 4.700 3.500 6.500 1.100-1.800 3.500-2.500 3.500-6.500M6.500 16.500c0-4 2.400-4.700 3.500-6.500 1.100 1.800 3.500 2.500 3.500 6.500" />
    </Icon>
  );
}

export function Cloud() {
  return (
    <Icon>
      <path d="M6 15.500h8a3.200 3.200 0 0 0 .5-6.400A4.600 4.600 0 0 0 5.700 8.600 3.500 3.500 0 0 0 6 15.500M3.500 3.500l13 13" />
    </Icon>
  );
}
