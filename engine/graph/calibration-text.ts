/**
 * Code that a conversion runs through the model to see how large its activations become (about 1,100 tokens), and
 * other code to check the result on. Several languages and styles, because outliers hang on what is read.
 */
export const CALIBRATION_TEXT = `import { readFile } from "node:fs/promises";

interface Account { id: string; owner: string; balance: number; history: Transfer[] }
interface Transfer { from: string; to: string; amount: number; at: Date }

/** Loads accounts from a JSON file and checks that no balance is negative. */
export async function loadAccounts(path: string): Promise<Map<string, Account>> {
  const text = await readFile(path, "utf8");
  const accounts = new Map<string, Account>();
  for (const entry of JSON.parse(text) as Account[]) {
    if (entry.balance < 0) throw new RangeError(\`Account \${entry.id} is overdrawn by \${-entry.balance}\`);
    accounts.set(entry.id, { ...entry, history: entry.history ?? [] });
  }
  return accounts;
}

def moving_average(values, window=5):
    """Return the mean of each run of window values; shorter at the start."""
    total, result = 0.0, []
    for index, value in enumerate(values):
        total += value
        if index >= window:
            total -= values[index - window]
        result.append(total / min(index + 1, window))
    return result


class RetryPolicy:
    MAX_ATTEMPTS = 7
    BACKOFF_SECONDS = (0.1, 0.5, 2.0)

    def __init__(self, name, *, jitter=0.25):
        self.name = name
        self._jitter = jitter
        self._failures = {}

    def should_retry(self, error, attempt):
        if isinstance(error, (TimeoutError, ConnectionError)) and attempt < self.MAX_ATTEMPTS:
            self._failures[type(error).__name__] = self._failures.get(type(error).__name__, 0) + 1
            return True
        return False

package queue

// Push adds an item; it blocks while the queue is full and returns ctx.Err() when the context ends.
func (q *Queue[T]) Push(ctx context.Context, item T) error {
	select {
	case q.items <- item:
		atomic.AddInt64(&q.pushed, 1)
		return nil
	case <-ctx.Done():
		return fmt.Errorf("push to %s: %w", q.name, ctx.Err())
	}
}

/// Parses "key = value" lines, skipping blanks and # comments.
pub fn parse_config(input: &str) -> Result<HashMap<String, String>, ConfigError> {
    let mut entries = HashMap::with_capacity(16);
    for (number, line) in input.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') { continue; }
        let (key, value) = line.split_once('=').ok_or(ConfigError::Missing { line: number + 1 })?;
        entries.insert(key.trim().to_owned(), value.trim().trim_matches('"').to_owned());
    }
    Ok(entries)
}

#include <stdint.h>
#define RING_SIZE 4096u
static uint32_t crc32_update(uint32_t crc, const uint8_t *data, size_t length) {
    crc = ~crc;
    while (length--) {
        crc ^= *data++;
        for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (0xEDB88320u & -(crc & 1));
    }
    return ~crc;
}

SELECT c.name, COUNT(o.id) AS orders, SUM(o.total) AS spent
FROM customers AS c LEFT JOIN orders AS o ON o.customer_id = c.id
WHERE c.created_at >= '2024-01-01' GROUP BY c.name HAVING SUM(o.total) > 100.5 ORDER BY spent DESC LIMIT 20;

# Deploying
1. Build the image with \`make image TAG=1.4.2\`.
2. Set \`DATABASE_URL\` and \`PORT=8080\` in \`deploy/production.yaml\`.
The service listens on port 8080 and answers health checks at /healthz; see "Troubleshooting" below.
`;

/** See `CALIBRATION_TEXT`. */
export const CHECK_TEXT = `from collections import OrderedDict

class LruCache:
    """A mapping that forgets the entry that was used longest ago once it holds more than capacity."""

    def __init__(self, capacity=128):
        if capacity <= 0:
            raise ValueError(f"capacity must be positive, not {capacity}")
        self._entries = OrderedDict()
        self.capacity = capacity
        self.hits = self.misses = 0

    def get(self, key, default=None):
        try:
            value = self._entries.pop(key)
        except KeyError:
            self.misses += 1
            return default
        self._entries[key] = value
        self.hits += 1
        return value

export class EventBus {
  private readonly listeners = new Map<string, Set<(payload: unknown) => void>>();

  on(event: string, listener: (payload: unknown) => void): () => void {
    const set = this.listeners.get(event) ?? new Set();
    set.add(listener);
    this.listeners.set(event, set);
    return () => set.delete(listener);
  }

  emit(event: string, payload: unknown): number {
    let called = 0;
    for (const listener of this.listeners.get(event) ?? []) {
      listener(payload);
      called++;
    }
    return called;
  }
}

public final class Temperature implements Comparable<Temperature> {
    private static final double ABSOLUTE_ZERO = -273.15;
    private final double celsius;

    public Temperature(double celsius) {
        if (celsius < ABSOLUTE_ZERO) throw new IllegalArgumentException("below absolute zero: " + celsius);
        this.celsius = celsius;
    }

    @Override public int compareTo(Temperature other) { return Double.compare(celsius, other.celsius); }
    public double toFahrenheit() { return celsius * 9.0 / 5.0 + 32.0; }
}
`;
