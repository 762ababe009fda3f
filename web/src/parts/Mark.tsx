/** The wind: our mark. */
export function Mark({ size = 28 }: { size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 32 32"
      fill="none"
      stroke="currentColor"
      strokeWidth="2.3"
      strokeLinecap="round"
      aria-hidden="true"
    >
      <path d="M5 12h13.5a3.5 3.5 0 1 0-3.2-5" />
      <path d="M5 17h18a3.6 3.6 0 1 1-3.3 5.1" />
      <path d="M5 22h9.5a2.8 2.8 0 1 1-2.6 3.9" />
    </svg>
  );
}
