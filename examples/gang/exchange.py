"""Ranks that work together: each has a number, rank 0 adds them up and tells all, and each checks it.

A real one would call torch.distributed.init_process_group() here: RANK, WORLD_SIZE, MASTER_ADDR and
MASTER_PORT are what it reads.
"""
import json
import os
import socket
import time

RANK = int(os.environ["RANK"])
SIZE = int(os.environ["WORLD_SIZE"])
MASTER = (os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]))
PATIENCE = 60  # seconds: ranks do not start at the same moment


def read_number(peer):
    return int(peer.makefile().readline())


def lead(number):
    """Of rank 0: waits for the others' numbers, and sends each the sum."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.settimeout(PATIENCE)
        server.bind(("", MASTER[1]))
        server.listen(SIZE)
        peers = [server.accept()[0] for _ in range(SIZE - 1)]
        total = number + sum(read_number(peer) for peer in peers)
        for peer in peers:
            peer.sendall(f"{total}\n".encode())
            peer.close()
    return total


def follow(number):
    """Of the others: sends the number, and gets the sum."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            with socket.create_connection(MASTER, timeout=PATIENCE) as peer:
                peer.sendall(f"{number}\n".encode())
                return read_number(peer)
        except ConnectionRefusedError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def main():
    number = (RANK + 1) ** 2
    print(f"rank {RANK} of {SIZE} on {os.environ['SM_CURRENT_HOST']} has {number}")
    total = lead(number) if RANK == 0 else follow(number)
    expected = sum((rank + 1) ** 2 for rank in range(SIZE))
    if total != expected:
        raise SystemExit(f"rank {RANK}: the sum is {total}, not {expected}")
    print(f"rank {RANK} agrees: {total}")
    # What the step leaves is what rank 0 has left.
    with open(os.path.join(os.environ["SM_OUTPUT_DATA_DIR"], "metrics.json"), "w") as file:
        json.dump({"total": total, "rank": RANK}, file)


main()
