// A graph of parts, and the groups that they make at each threshold.

const NAMED = 3; // neighbors of a part

// Number of the threshold that an address names, or of the one that the result was made with.
export function levelOf({ thresholds, chosen }, named) {
  const level = !named ? -1 : thresholds.indexOf(Number(named));
  return level < 0 ? chosen : level;
}

// How many groups there are at a threshold.
export function groupsAt({ groups }, level) {
  return new Set(groups[level]).size;
}

// The parts that sit beside a part most, with the weights of their edges.
export function besideOf({ edges }, part, least, nobody) {
  const near = edges
    .filter(([a, b, weight]) => (a === part || b === part) && weight >= least)
    .map(([a, b, weight]) => [a === part ? b : a, weight])
    .sort((a, b) => b[1] - a[1])
    .slice(0, NAMED);
  return near.length ? near.map(([p, weight]) => `${p} (${weight.toFixed(2)})`).join(", ") : nobody;
}
