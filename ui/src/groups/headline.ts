// Which metric a run is about, where the reader has not said.

const BY_INTEREST: readonly RegExp[] = [
  /eval.*(return|reward)/i,
  /episode.?return|episodic.?return/i,
  /ep_?rew.*mean|return.*mean/i,
  /return/i,
  /reward|score/i,
  /success/i,
  /loss/i,
];

export const IS_RETURN = /return|reward|ep_?rew|score/i;

/** The metric of most interest; undefined where there is none. */
export function headlineOf(metrics: readonly string[]): string | undefined {
  for (const interest of BY_INTEREST) {
    const found = metrics.find((name) => interest.test(name));
    if (found !== undefined) return found;
  }
  return metrics[0];
}
