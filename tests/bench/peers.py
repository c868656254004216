"""The same spinning tasks by mpi4py.futures (mpirun -n 3: a master and two workers) or joblib: peers.py HOW SPIN.SO NANOSECONDS TASKS CHUNK.
Prints the seconds from the first task handed out to the last result."""
import sys
import time

how, library, task_ns, tasks, chunk = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])


def task(_):
    import builtins  # joblib sends this function, with a copy of its globals, again and again: what lasts must be elsewhere
    if not hasattr(builtins, "amz_spin"):
        import ctypes
        spin = ctypes.CDLL(library)
        spin.amz_bench_spin_for.argtypes = [ctypes.c_double]
        builtins.amz_spin = spin.amz_bench_spin_for
    builtins.amz_spin(task_ns)


def by_mpi():
    from mpi4py import MPI
    from mpi4py.futures import MPICommExecutor
    with MPICommExecutor(MPI.COMM_WORLD, root=0) as executor:
        if executor is None:
            return
        list(executor.map(task, range(2)))  # workers are up, and have measured their speed
        began = time.monotonic()
        for _ in executor.map(task, range(tasks), chunksize=chunk, unordered=True):
            pass
        print(time.monotonic() - began)


def by_joblib():
    from joblib import Parallel, delayed
    with Parallel(n_jobs=2, batch_size=chunk or "auto") as parallel:
        parallel(delayed(task)(i) for i in range(4))
        began = time.monotonic()
        parallel(delayed(task)(i) for i in range(tasks))
        print(time.monotonic() - began)


{"mpi4py": by_mpi, "joblib": by_joblib}[how]()
