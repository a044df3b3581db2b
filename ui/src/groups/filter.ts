// What is typed to find runs: a condition in the store's language if it looks like one, else plain words.

const CONDITION = /[<>()'"`]|!=|\b(is|in|like|not|and|or)\s/i;
const EQUATION = /^[^\s=]+\s*={1,2}\s*[^\s=]+$/;

/** "lr=0.001" is a condition, "adam lr=0.001" is two words. */
export function isCondition(typed: string): boolean {
  return CONDITION.test(typed) || EQUATION.test(typed.trim());
}

/** The parameters of /api/groups for it. */
export function queryOf(typed: string): [name: string, value: string][] {
  const trimmed = typed.trim();
  if (trimmed === "") return [];
  return [[isCondition(trimmed) ? "where" : "find", trimmed]];
}
