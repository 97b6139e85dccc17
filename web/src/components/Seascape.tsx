/** The shore of the empty page: a low sun, three waves, and on the sand a tent and driftwood. */
export function Seascape() {
  return (
    <svg class="seascape" viewBox="0 0 720 200" preserveAspectRatio="xMidYMax slice" aria-hidden="true">
      <rect class="sky" width="720" height="200" />
      <circle class="halo" cx="486" cy="96" r="72" />
      <circle class="sun" cx="486" cy="96" r="42" />
      <path class="gull" d="M366 54q9-10 17 0 8-10 17 0M408 80q6-7 12 0 6-7 12 0M318 84q5-6 10 0 5-6 10 0" />
      <path class="sea-far" d="M-20 106c60 0 60-8 120-8s60 8 120 8 60-8 120-8 60 8 120 8 60-8 120-8 60 8 120 8 40-8 60-8v104H-20z" />
      <path class="glint" d="M454 114h64" />
      <path class="sea-mid" d="M-20 132c70 0 70-11 140-11s70 11 140 11 70-11 140-11 70 11 140 11 90-11 180-11v81H-20z" />
      <path class="glint" d="M466 140h40" />
      <path class="sea-near" d="M-20 158c90 0 90-13 180-13s90 13 180 13 90-13 180-13 90 13 220 13v44H-20z" />
      <path class="foam" d="M-20 173c140-13 240-7 360 1s260 5 400-11v40H-20z" />
      <path class="sand" d="M-20 180c140-12 240-6 360 2s260 5 400-10v32H-20z" />
      <path class="tent" d="M196 189l48-66q3-4 6 0l50 66z" />
      <path class="tent-door" d="M246 132l20 57h-38z" />
      <path class="twig" d="M392 183l12-13M404 170l1-7" />
      <path class="driftwood" d="M338 189c30-7 62-9 104-8 7 .2 7 7.5 0 8-36 3-68 4-101 5-7 .2-8-4-3-5z" />
    </svg>
  );
}
