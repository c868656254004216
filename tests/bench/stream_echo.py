"""The same as stream_echo.c in Python: stream_echo.py RATE < LINES, stream_echo.py calibrate."""
import sys
import time

ROUNDS = 10000


def compute(rounds):
    for _ in range(rounds):
        pass


def calibrate():
    best = 1e9
    for _ in range(300):
        begin = time.perf_counter()
        compute(ROUNDS)
        best = min(best, time.perf_counter() - begin)
    return ROUNDS / (best * 1e6)


def main():
    if sys.argv[1] == "calibrate":
        print("%.3f" % calibrate())
        return
    rate = float(sys.argv[1])
    write = sys.stdout.write
    for line in sys.stdin:
        compute(int(float(line) * rate))
        write(line)
        sys.stdout.flush()


main()
