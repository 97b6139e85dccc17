/** The shore of the empty page: evening sun, three waves, a piece of driftwood on the sand. */
export function Seascape() {
  return (
    <svg class="seascape" viewBox="0 0 720 200" preserveAspectRatio="xMidYMax slice" aria-hidden="true">
      <rect class="sky" width="720" height="200" />
      <circle class="halo" cx="520" cy="96" r="74" />
      <circle class="sun" cx="520" cy="96" r="44" />
      <path class="gull" d="M392 52q9-10 17 0 8-10 17 0M442 76q6-7 12 0 6-7 12 0M352 86q5-6 10 0 5-6 10 0" />
      <path class="sea sea-far" d="M0 104c60 0 60-8 120-8s60 8 120 8 60-8 120-8 60 8 120 8 60-8 120-8 60 8 120 8v96H0z" />
      <path class="glint" d="M486 116h68M498 128h44M508 140h24" />
      <path class="sea sea-mid" d="M0 130c70 0 70-11 140-11s70 11 140 11 70-11 140-11 70 11 140 11 80-11 160-11v81H0z" />
      <path class="sea sea-near" d="M0 158c90 0 90-13 180-13s90 13 180 13 90-13 180-13 90 13 180 13v42H0z" />
      <path class="foam" d="M0 174c120-14 220-8 340 0s250 6 380-10v36H0z" />
      <path class="sand" d="M0 181c120-13 220-7 340 1s250 5 380-9v27H0z" />
      <g class="driftwood">
        <path d="M96 187c26-9 62-14 108-11 10 .6 13 6.5 3 8-40 5-72 7-106 10-9 .8-12-4.5-5-7z" />
        <path d="M150 179c6-9 14-15 25-19 5-1.6 7 2.4 3 5-7 4.5-11 8.5-14 14z" />
      </g>
    </svg>
  );
}
