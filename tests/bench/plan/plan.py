#!/usr/bin/env python3
"""Does the planner predict, and does it choose well? Ten workloads on this machine, each run with the layout that `run` chooses
itself, and with every layout of a sweep that a user might have set by hand.

All that is compared is run in the same round, in a sequence drawn anew each round. The best layout of the sweep is chosen on every other
round, and scored on the ones between, as the best of many noisy figures looks better than it is; then the same the other way round. Of
each round it's the layout that `run` chose in it that is scored.

    regret      that layout's makespan over that of the best layout of the sweep that keeps to the cores, both from runs with a fixed
                layout. Tasks that compute get no more slots × threads than there are cores: that is a rule of the planner's
    any         the same over all layouts of the sweep, beyond the cores, too. With few tasks, more slots may end sooner: 7 alike on two
                cores take four rounds, or the time of 3.5 when they all share the cores. And beside other work, more processes get more of
                a machine
    overall     regret with the planning run itself: what sampling and planning cost is in it
    error       |predicted − measured| / measured, of the planning runs, told before most tasks have run
    error 10 %  the same of the prediction made when a tenth of the tasks had ended
    inside      planning runs whose makespan lies in the predicted 90 % interval
    spent       what sampling and planning cost, as seconds of all slots: those that stood idle for it, and the CPU time of planning

usage: plan.py [-r ROUNDS] [-s SECONDS] [WORKLOAD…]     (make bench-plan; top_builddir, top_srcdir, CC are taken from the environment)
"""
import argparse, json, math, os, random, shutil, statistics, subprocess, sys, tempfile

top = os.path.abspath(os.environ.get("top_builddir", "."))
src = os.path.abspath(os.environ.get("top_srcdir", "."))
amz = os.path.join(top, "amorsize-mpi")
cores = len(os.sched_getaffinity(0))
draw = random.Random(20240611)


# ---- workloads: each a folder with job.yaml, about `seconds` of work on all cores --------------------------------------------

def table(rows, name="ops"):
    with open("tasks.csv", "w") as f:
        f.write(name + "\n" + "".join(f"{row}\n" for row in rows))


def spins(seconds, mega_s, shares):
    """A task per share of the work, as million turns in a column."""
    total = seconds * cores / mega_s / sum(shares)
    table([f"{share * total:.3f}" for share in shares])
    return 'tasks: {command: "./work spin {ops}", csv: tasks.csv}\n'


def lognormal(n, cv):
    sigma = math.sqrt(math.log(1 + cv * cv))
    return [math.exp(draw.gauss(0, sigma)) for _ in range(n)]


def text_file(path, size):
    """Words that compress about as prose does."""
    words = ["".join(draw.choice("etaoinshrdlucmfw") for _ in range(draw.randint(2, 9))) for _ in range(3000)]
    piece = " ".join(draw.choice(words) for _ in range(200000)).encode()
    with open(path, "wb") as f:
        while size > 0:
            f.write(piece[:size])
            size -= len(piece)


def uniform(seconds, mega_s):
    return spins(seconds, mega_s, [1] * (cores * 50))


def heavy(seconds, mega_s):
    return spins(seconds, mega_s, lognormal(cores * 60, 1.5))


def rising(seconds, mega_s):
    return spins(seconds, mega_s, range(10, 10 + cores * 50))


def huge(seconds, mega_s):
    return spins(seconds, mega_s, [1] * (cores * 3 + 1))


def triad(seconds, mega_s):
    n = cores * 30
    began = os.times().elapsed
    subprocess.run(["./work", "triad", "48", "10"], check=True)
    passes = 10 * (seconds * cores / n) / max(os.times().elapsed - began, 0.01)
    return f'tasks: {{command: "./work triad 48 {max(1, round(passes))}", for: {{i: {{range: [1, {n}]}}}}}}\n'


def openmp(seconds, mega_s):
    n = cores * 6
    return (f'tasks: {{command: "./work omp {seconds * cores / mega_s / n:.1f} 0.1", for: {{i: {{range: [1, {n}]}}}}}}\n'
            "resources: {threads: auto}\n")


def waiting(seconds, mega_s):
    return f'tasks: {{command: "sleep 0.2", for: {{i: {{range: [1, {round(seconds * cores * 4 / 0.2)}]}}}}}}\n'


def tiny(seconds, mega_s):
    return f'tasks: {{plugin: ./spin.so, args: "100000", for: {{i: {{range: [1, {round(seconds * cores / 1e-4)}]}}}}}}\n'


def gzips(seconds, mega_s):
    os.mkdir("files")
    sizes = lognormal(cores * 20, 1.2)
    unit = seconds * cores * 25e6 / sum(sizes) # about what a core compresses a second
    for i, size in enumerate(sizes):
        text_file(f"files/{i:03}.txt", int(size * unit))
    return 'tasks: {command: "sh -c \'gzip -6 <{f} >/dev/null\'", for: {f: {glob: "files/*.txt"}}, weight: {size_of: f}}\n'


def xzs(seconds, mega_s):
    n = cores * 5
    text_file("big.txt", int(seconds * cores * 2.2e6 / n))
    return (f'tasks: {{command: "sh -c \'xz -2 -T{{threads}} --block-size=512KiB <big.txt >/dev/null\'", for: {{i: {{range: [1, {n}]}}}}}}\n'
            "resources: {threads: auto}\n")


# name, what it is, its maker, the sweep: slots by threads
one_thread = [(s, 1) for s in sorted({1, max(1, cores // 2), cores, cores * 2})]
threaded = sorted({(max(1, cores // t), t) for t in (1, 2, cores) if t <= cores} | {(1, 1)})
many_slots = [(cores * k, 1) for k in (1, 2, 4, 8, 16, 32)]
workloads = [
    ("uniform", "computing, all tasks alike", uniform, one_thread),
    ("heavy", "computing, lognormal with CV 1.5", heavy, one_thread),
    ("triad", "limited by memory", triad, one_thread),
    ("openmp", "OpenMP, a tenth of it serial", openmp, threaded),
    ("waiting", "sleeps of 0.2 s", waiting, many_slots),
    ("tiny", "plug-in tasks of 0.1 ms", tiny, one_thread),
    ("huge", "few long tasks", huge, one_thread),
    ("rising", "costs rise along the list", rising, one_thread),
    ("gzip", "gzip of files of very different sizes", gzips, one_thread),
    ("xz", "xz -T{threads}", xzs, threaded),
]


# ---- runs -------------------------------------------------------------------------------------------------------------------

def run(*options):
    p = subprocess.run([amz, "run", "job.yaml", "--quiet", "--format", "json", *options], capture_output=True, text=True, timeout=900)
    shutil.rmtree("job.runs", ignore_errors=True)
    if p.returncode != 0:
        sys.exit(f"plan.py: amorsize-mpi run {' '.join(options)}: exit {p.returncode}\n{p.stderr}")
    return json.loads(p.stdout)


def fixed(layout):
    return run("--no-history", "--set", f"plan.slots_per_rank={layout[0]}", "--set", f"plan.threads_per_task={layout[1]}")["makespan_s"]


def planned():
    told = run("--no-history")
    layout = told["layout"]
    first, later = told.get("prediction") or {}, told.get("prediction_at_a_tenth") or {}
    return {"layout": (layout["slots"], layout["threads"]), "measured": told["makespan_s"],
            "predicted": first.get("makespan_s"), "interval": first.get("interval_s"), "later": later.get("makespan_s"),
            "spent": told["planning"]["cost_s"] if told["planning"] else math.nan}


def error(predicted, measured):
    return abs(predicted - measured) / measured if predicted else math.nan


def median(values):
    values = [v for v in values if not math.isnan(v)]
    return statistics.median(values) if values else math.nan


def best_of(times, layouts, rounds):
    """Of the layouts that were run in all of these rounds."""
    known = [l for l in layouts if all(r in times[l] for r in rounds)]
    return min(known, key=lambda l: median([times[l][r] for r in rounds]))


def scores(times, layouts, measured):
    """measured: by round. Over the best of the layouts: chosen on the even rounds and scored on the odd ones, and the other way round."""
    rounds = range(len(measured))
    always = [l for l in layouts if all(r in times[l] for r in rounds)]
    over = []
    for choosing, scoring in ((rounds[::2], rounds[1::2]), (rounds[1::2], rounds[::2])):
        best = best_of(times, always, choosing)
        over += [measured[r] / times[best][r] for r in scoring]
    return median(over)


def contest(name, make, layouts, rounds, seconds, mega_s):
    """One workload. Layouts that `run` chose join the sweep of the rounds that follow."""
    with open("job.yaml", "w") as f:
        f.write(make(seconds, mega_s))
    plans, times = [], {layout: {} for layout in layouts}
    for r in range(rounds):
        plans.append(planned()) # its layout is swept in this round, too
        times.setdefault(plans[-1]["layout"], {})
        for layout in draw.sample(sorted(times), len(times)):
            times[layout][r] = fixed(layout)
    chosen = statistics.multimode(p["layout"] for p in plans)[0]
    allowed = [l for l in times if layouts is many_slots or l[0] * l[1] <= cores]
    by_layout = [times[p["layout"]][r] for r, p in enumerate(plans)]
    return {"name": name, "chosen": chosen, "best": best_of(times, times, range(rounds)),
            "regret": scores(times, allowed, by_layout), "any": scores(times, times, by_layout),
            "overall": scores(times, allowed, [p["measured"] for p in plans]),
            "measured": median([p["measured"] for p in plans]),
            "error": median([error(p["predicted"], p["measured"]) for p in plans]),
            "later": median([error(p["later"], p["measured"]) for p in plans]),
            "spent": median([p["spent"] for p in plans]),
            "inside": sum(bool(p["interval"]) and p["interval"][0] <= p["measured"] <= p["interval"][1] for p in plans),
            "sweep": {l: median(list(times[l].values())) for l in sorted(times)}}


def show(row, rounds):
    layout = "{0[0]}×{0[1]}".format
    print(f"{row['name']:8} {row['measured']:8.2f} s  {layout(row['chosen']):>6} {layout(row['best']):>6}"
          f"  {row['regret']:6.3f} {row['any']:6.3f} {row['overall']:8.3f}"
          f"  {row['error']:6.1%} {row['later']:7.1%}  {row['inside']}/{rounds}  {row['spent']:6.3f}   "
          + "  ".join(f"{layout(l)} {t:.2f}" for l, t in row["sweep"].items()), flush=True)


def prepare():
    cc = os.environ.get("CC", "cc").split()
    here = os.path.join(src, "tests/bench")
    subprocess.run([*cc, "-O2", "-fopenmp", f"{here}/plan/work.c", "-o", "work"], check=True)
    subprocess.run([*cc, "-O2", "-shared", "-fPIC", f"-I{src}/include", f"{here}/plugins/spin.c", "-o", "spin.so"], check=True)
    return float(subprocess.run(["./work", "rate"], capture_output=True, text=True, check=True).stdout)


def main():
    parse = argparse.ArgumentParser(description="Predictions and choices of the planner against sweeps of layouts.")
    parse.add_argument("-r", "--rounds", type=int, default=4, help="even: half of them choose, half of them score (4)")
    parse.add_argument("-s", "--seconds", type=float, default=6, help="of work on all cores, each workload about (6)")
    parse.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=" ".join(w[0] for w in workloads))
    args = parse.parse_args()
    rounds = max(2, args.rounds + args.rounds % 2)
    rows = []
    with tempfile.TemporaryDirectory(prefix="amz-bench.") as work:
        os.chdir(work)
        os.environ["AMORSIZE_HISTORY_DIR"] = os.path.join(work, "history") # not the user's
        os.environ["AMORSIZE_CACHE_DIR"] = os.path.join(work, "cache") # nor what was measured while the machine was busy
        mega_s = prepare()
        print(f"{cores} cores, {rounds} rounds, load {os.getloadavg()[0]:.1f}; layouts are slots × threads\n"
              "workload   measured  chosen   best  regret    any  overall   error  at 10 %  inside  spent   makespans of the sweep, s")
        for name, _, make, layouts in workloads:
            if args.workloads and name not in args.workloads:
                continue
            os.mkdir(name)
            os.chdir(name)
            for f in ("work", "spin.so"):
                os.symlink(f"../{f}", f)
            rows.append(contest(name, make, layouts, rounds, args.seconds, mega_s))
            show(rows[-1], rounds)
            os.chdir("..")
        os.chdir("/")
    errors = [r["error"] for r in rows]
    print(f"errors: median {median(errors):.1%}, worst {max(errors):.1%} (bars 7 %, 25 %); at 10 %: median {median([r['later'] for r in rows]):.1%} (4 %); "
          f"inside the interval {sum(r['inside'] for r in rows)}/{rounds * len(rows)} (9 of 10); worst regret {max(r['regret'] for r in rows):.3f} (1.07), "
          f"over any layout {max(r['any'] for r in rows):.3f}")
    over = [r["name"] for r in rows if r["spent"] > max(1, 0.03 * r["measured"])]
    print(f"sampling and planning beyond max(1 s, 3 % of the makespan): {', '.join(over) or 'none'}")


if __name__ == "__main__":
    main()
