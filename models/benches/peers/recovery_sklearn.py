#!/usr/bin/env python3
"""scikit-learn's BayesianGaussianMixture on the data that the `recovery` bench wrote; prints the same table.

usage: recovery_sklearn.py FOLDER   (needs numpy and scikit-learn)

Ten components offered, its own default priors (those of the bench), 100 seeds, up to 2000 sweeps at its own tolerance.
A component counts as found where a row has it as its label. "best bound" offers 1..6 components with Dirichlet weights
and five starts and takes the largest `lower_bound_`, which leaves out constants that differ with K.
"""
import sys
import time
import warnings

import numpy as np
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import BayesianGaussianMixture

warnings.filterwarnings("ignore")
SEEDS, OFFERED = 100, 10
KNOWN = {"faithful": 2, "iris": 3, "galaxies": None, "apart": 3, "unequal": 4, "touching": 5, "crossed": 2}


def process(starts):
    def fit(x, seed):
        m = BayesianGaussianMixture(n_components=OFFERED, max_iter=2000, n_init=starts, random_state=seed)
        return m.fit(x).predict(x)
    return fit


def best_bound(x, seed):
    fits = [BayesianGaussianMixture(n_components=k, max_iter=2000, n_init=5, random_state=seed,
                                    weight_concentration_prior_type="dirichlet_distribution").fit(x)
            for k in range(1, 7)]
    return max(fits, key=lambda m: m.lower_bound_).predict(x)


METHODS = {"one start, process": process(1), "five starts, process": process(5), "best bound of K = 1..6": best_bound}
wanted = sys.argv[2:] or list(METHODS)
print("| data | method | K found (share of seeds) | mean ARI | least ARI | s a fit |")
print("|---|---|---|---|---|---|")
for name, k in KNOWN.items():
    table = np.genfromtxt(f"{sys.argv[1]}/{name}.csv", delimiter=",", skip_header=1)
    for method in wanted:
        numbers, agreement, start = [], [], time.perf_counter()
        for seed in range(SEEDS):
            rows = table[table[:, 0] == (seed if table[:, 0].max() > 0 else 0)]
            x, truth = rows[:, 2:], rows[:, 1]
            labels = METHODS[method](x, seed)
            numbers.append(len(set(labels)))
            agreement.append(adjusted_rand_score(truth, labels))
        seconds = (time.perf_counter() - start) / SEEDS
        share = lambda n: f"{n}: {numbers.count(n) / SEEDS:.2f}"
        found = share(k) if k else ", ".join(share(n) for n in sorted(set(numbers)))
        ari = (f"{np.mean(agreement):.3f}", f"{np.min(agreement):.3f}") if k else ("-", "-")
        print(f"| {name} | {method} | {found} | {ari[0]} | {ari[1]} | {seconds:.4f} |", flush=True)
