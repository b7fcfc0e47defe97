// The address of the page, which keeps what is on view.

// A query with some values written into it and the rest left as it is; null takes a name away.
export function withValues(search, values) {
  const query = new URLSearchParams(search);
  for (const [name, value] of Object.entries(values)) {
    if (value === null) query.delete(name);
    else query.set(name, value);
  }
  return query.toString();
}

export function keepInAddress(values) {
  const text = withValues(location.search, values);
  history.replaceState(history.state, "", location.pathname + (text ? `?${text}` : "") + location.hash);
}

export function asked(name) {
  return new URLSearchParams(location.search).get(name);
}
