"""Optimal Huffman tables for JPEG (ITU-T T.81, Annex K.2), and symbols packed into bytes."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

LONGEST = 16  # bits of a code, by the standard
Symbol = tuple[int, int, int]  # a table's symbol, then further bits: their value, their number


@dataclass(frozen=True)
class Table:
    """A Huffman table: symbols by length of code, then as counted, and the code of each.

    counts: how many codes there are of 1…16 bits; codes: symbol -> (code, bits).
    """

    counts: tuple[int, ...]
    symbols: tuple[int, ...]
    codes: dict[int, tuple[int, int]]

    @property
    def payload(self) -> bytes:
        """As a DHT segment holds it, but for its class and number."""
        return bytes(self.counts) + bytes(self.symbols)

    def bits(self, symbols: Iterable[Symbol]) -> int:
        """How many bits a sequence takes."""
        return sum(self.codes[symbol][1] + bits for symbol, _, bits in symbols)


def lengths(frequencies: dict[int, int]) -> dict[int, int]:
    """symbol -> how often it comes -> bits of its code, 16 at most; the code of ones stays free."""
    reserved = 256  # after all others: it gets the longest code, all ones, which JPEG forbids
    heap = [(count, -symbol, (symbol,)) for symbol, count in frequencies.items()]
    heap.append((0, -reserved, (reserved,)))
    bits = dict.fromkeys([*frequencies, reserved], 0)
    heapq.heapify(heap)
    while len(heap) > 1:
        (first, key, one), (second, _, other) = heapq.heappop(heap), heapq.heappop(heap)
        for symbol in one + other:
            bits[symbol] += 1
        heapq.heappush(heap, (first + second, key, one + other))
    counts = Counter(bits.values())
    for length in range(max(counts), LONGEST, -1):  # figure K.3
        while counts[length] > 0:
            shorter = next(each for each in range(length - 2, 0, -1) if counts[each])
            counts[length] -= 2
            counts[length - 1] += 1
            counts[shorter + 1] += 2
            counts[shorter] -= 1
    longest = max(each for each, count in counts.items() if count)
    counts[longest] -= 1  # the reserved one
    ordered = sorted(frequencies, key=lambda symbol: (bits[symbol], symbol))
    rows = (length for length in range(1, LONGEST + 1) for _ in range(counts[length]))
    return dict(zip(ordered, rows, strict=True))


def table(symbols: Iterable[Symbol]) -> Table:
    """The optimal table for a sequence of symbols."""
    by_length = lengths(Counter(symbol for symbol, _, _ in symbols) or {0: 1})
    counts = Counter(by_length.values())
    codes, code, before = {}, 0, 0
    for symbol, length in by_length.items():
        code <<= length - before
        codes[symbol] = code, length
        code, before = code + 1, length
    return Table(tuple(counts[length] for length in range(1, LONGEST + 1)), tuple(by_length), codes)


def packed(symbols: Iterable[Symbol], tables: Iterable[Table]) -> bytes:
    """The bytes of a scan: each symbol by its table, stuffed after 255, ones at the end."""
    parts = []
    for (symbol, value, bits), own in zip(symbols, tables, strict=True):
        code, length = own.codes[symbol]
        parts.append(f"{code:0{length}b}")
        if bits:
            parts.append(f"{value:0{bits}b}")
    text = "".join(parts)
    text += "1" * (-len(text) % 8)
    whole = int(text, 2).to_bytes(len(text) // 8, "big") if text else b""
    return whole.replace(b"\xff", b"\xff\x00")
