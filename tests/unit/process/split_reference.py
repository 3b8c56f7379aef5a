"""Computes what split_test.cc's IsTheSameEverywhere expects, independently of the C++ code.

    python3 tests/unit/process/split_reference.py

xoshiro256** seeded by splitmix64 (Blackman and Vigna), Fisher-Yates from the back, rejection of the
incomplete last round; then the first half of the shuffled rows is part 0, and so on.
"""
MASK = (1 << 64) - 1


def rotate(x, k):
    return ((x << k) | (x >> (64 - k))) & MASK


def generator(seed):
    state = []
    for _ in range(4):
        seed = (seed + 0x9E3779B97F4A7C15) & MASK
        z = seed
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        state.append(z ^ (z >> 31))
    while True:
        yield rotate(state[1] * 5 & MASK, 7) * 9 & MASK
        t = state[1] << 17 & MASK
        state[2] ^= state[0]
        state[3] ^= state[1]
        state[1] ^= state[2]
        state[0] ^= state[3]
        state[2] ^= t
        state[3] = rotate(state[3], 45)


def assign(rows, counts, seed):
    draws = generator(seed)
    order = list(range(rows))
    for i in range(rows, 1, -1):
        limit = MASK - MASK % i
        value = next(draws)
        while value >= limit:
            value = next(draws)
        j = value % i
        order[i - 1], order[j] = order[j], order[i - 1]
    parts = [-1] * rows
    at = 0
    for part, count in enumerate(counts):
        for _ in range(count):
            parts[order[at]] = part
            at += 1
    return parts


if __name__ == "__main__":
    print(assign(12, [6, 3, 3], 7))
