"""The same programs in Python, loop by loop. Prints a name and the seconds of the best of some turns on each line."""

import hashlib
import sys
import time

SIZE = 128
BLOCKS = 1000
MASK = 0xFFFFFFFF


def primes_of(count):
    found, number = [], 2
    while len(found) < count:
        if all(number % prime for prime in found):
            found.append(number)
        number += 1
    return found


def root_bits(number, power):
    """The first 32 bits behind the point of a root."""
    low, high = 0, 1 << 40
    while low + 1 < high:
        middle = (low + high) // 2
        if middle**power <= number << (32 * power):
            low = middle
        else:
            high = middle
    return low & MASK


K = [root_bits(prime, 3) for prime in primes_of(64)]
START = [root_bits(prime, 2) for prime in primes_of(8)]


def sieve():
    flags = bytearray([1]) * (1 << 20)
    flags[0] = flags[1] = 0
    for i in range(2, 1024):
        if flags[i]:
            j = i * i
            while j < 1 << 20:
                flags[j] = 0
                j += i
    count = 0
    for flag in flags:
        count += flag
    assert count == 82025


def matmul():
    a = [i * 0x9E3779B97F4A7C15 & (1 << 64) - 1 for i in range(SIZE * SIZE)]
    b = [i * 0xBF58476D1CE4E5B9 & (1 << 64) - 1 for i in range(SIZE * SIZE)]
    c = [0] * (SIZE * SIZE)
    start = time.process_time()
    for row in range(SIZE):
        for column in range(SIZE):
            total = 0
            left, right = row * SIZE, column
            for _ in range(SIZE):
                total = total + a[left] * b[right] & 0xFFFFFFFFFFFFFFFF
                left += 1
                right += SIZE
            c[row * SIZE + column] = total
    return time.process_time() - start


def rotate(x, n):
    return (x >> n | x << (32 - n)) & MASK


def compress(state, block):
    w = list(block)
    for at in range(48):
        v1, v14 = w[at + 1], w[at + 14]
        low = rotate(v1, 7) ^ rotate(v1, 18) ^ v1 >> 3
        high = rotate(v14, 17) ^ rotate(v14, 19) ^ v14 >> 10
        w.append(w[at] + low + w[at + 9] + high & MASK)
    a, b, c, d, e, f, g, h = state
    for i in range(64):
        big1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)
        first = h + big1 + (e & (f ^ g) ^ g) + K[i] + w[i] & MASK
        big0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)
        second = big0 + (a & b | (a | b) & c) & MASK
        a, b, c, d, e, f, g, h = first + second & MASK, a, b, c, d + first & MASK, e, f, g
    return [x + y & MASK for x, y in zip(state, (a, b, c, d, e, f, g, h))]


def sha256():
    block = bytes(range(64))
    words = [int.from_bytes(block[at : at + 4], "big") for at in range(0, 64, 4)]
    state = START
    start = time.process_time()
    for _ in range(BLOCKS):
        state = compress(state, words)
    bits = BLOCKS * 512
    state = compress(state, [0x80000000] + [0] * 13 + [bits >> 32, bits & MASK])
    seconds = time.process_time() - start
    digest = b"".join(word.to_bytes(4, "big") for word in state)
    assert digest == hashlib.sha256(block * BLOCKS).digest()
    return seconds


def timed(work):
    start = time.process_time()
    seconds = work()
    return time.process_time() - start if seconds is None else seconds


for work in (sieve, matmul, sha256):
    print(work.__name__, min(timed(work) for _ in range(int(sys.argv[1]))))
