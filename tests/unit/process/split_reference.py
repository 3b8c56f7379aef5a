"""Computes what split_test.cc's IsTheSameEverywhere expects, independently of the C++ code.

    python3 tests/unit/process/split_reference.py

xoshiro256** seeded by splitmix64 (Blackman and Vigna), rejection of the incomplete last round; for
each row a number below that of the rows that are left decides among what is left of the parts.
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
    left = list(counts)
    parts = []
    for i in range(rows, 0, -1):
        limit = MASK - MASK % i
        value = next(draws)
        while value >= limit:
            value = next(draws)
        drawn = value % i
        part = 0
        while drawn >= left[part]:
            drawn -= left[part]
            part += 1
        left[part] -= 1
        parts.append(part)
    return parts


if __name__ == "__main__":
    print(assign(12, [6, 3, 3], 7))
