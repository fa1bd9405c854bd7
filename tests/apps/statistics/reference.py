#!/usr/bin/env python3
"""Writes reference_numbers.h: what scikit-learn, scipy and statsmodels say of fixed data.

Run: python3 reference.py > reference_numbers.h, then clang-format -i reference_numbers.h.
Made with Python 3.11, numpy 2.4.6, scipy 1.17.1, scikit-learn 1.9.1, statsmodels 0.15.0.

DeLong's variance is computed here from the definition (the kernel over all pairs), not from midranks, and so is
Obuchowski's for clusters; the intervals on the logit scale are scipy's. The expected outcome of the selection among
three candidates on four images of two classes is enumerated over all resamples.
"""
import itertools
import sys

import numpy as np
import scipy
import sklearn
import statsmodels
from scipy import optimize, special, stats
from sklearn import metrics
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

out = sys.stdout


def number(v):
    return repr(float(v))


def scalar(name, value):
    out.write(f"inline constexpr double {name} = {number(value)};\n")


def array(name, values, kind="double"):
    text = ", ".join(str(int(v)) if kind != "double" else number(v) for v in np.ravel(values))
    out.write(f"inline const std::vector<{kind}> {name} = {{{text}}};\n")


def delong_covariance(y, *scores):
    """DeLong, DeLong, Clarke-Pearson 1988, equations 4 to 8."""
    areas, v10, v01 = [], [], []
    for s in scores:
        x, z = s[y == 1], s[y == 0]
        psi = (x[:, None] > z[None, :]) + 0.5 * (x[:, None] == z[None, :])
        areas.append(psi.mean())
        v10.append(psi.mean(axis=1))
        v01.append(psi.mean(axis=0))
    m, n = (y == 1).sum(), (y == 0).sum()
    s10 = np.atleast_2d(np.cov(np.array(v10)))
    s01 = np.atleast_2d(np.cov(np.array(v01)))
    return np.array(areas), s10 / m + s01 / n


def logit_interval(area, variance):
    """Pepe 2003, section 5.2: the normal interval of logit(area) by the delta method."""
    return special.expit(stats.norm.interval(0.95, special.logit(area), np.sqrt(variance) / (area * (1 - area))))


def clustered_variance(y, s, cluster):
    """Obuchowski 1997, equations 2 to 5."""
    psi = (s[:, None] > s[None, :]) + 0.5 * (s[:, None] == s[None, :])
    placement = np.where(y == 1, psi[:, y == 0].mean(axis=1), psi[y == 1, :].mean(axis=0))
    m, n = (y == 1).sum(), (y == 0).sum()
    area = placement[y == 1].mean()
    names = np.unique(cluster)
    count = lambda c: np.array([((cluster == k) & (y == c)).sum() for k in names])
    total = lambda c: np.array([placement[(cluster == k) & (y == c)].sum() for k in names]) - count(c) * area
    i10, i01, i = (count(1) > 0).sum(), (count(0) > 0).sum(), len(names)
    s10 = i10 / ((i10 - 1) * m) * (total(1) ** 2).sum()
    s01 = i01 / ((i01 - 1) * n) * (total(0) ** 2).sum()
    s11 = i / (i - 1) * (total(1) * total(0)).sum()
    return s10 / m + s01 / n + 2 * s11 / (m * n)


def clusters():
    rng = np.random.Generator(np.random.PCG64(1997))
    cluster = np.sort(rng.integers(0, 14, 50))
    y = np.where(rng.random(14) < 0.5, 1, 0)[cluster] ^ (rng.random(50) < 0.2)  # some clusters have both classes
    s = np.round(rng.normal(size=14)[cluster] + 0.7 * rng.normal(size=50) + 1.1 * y, 1)
    array("cluster_labels", y, "std::uint8_t")
    array("cluster_numbers", cluster, "std::size_t")
    array("cluster_scores", s)
    scalar("cluster_auroc", metrics.roc_auc_score(y, s))
    variance = clustered_variance(y, s, cluster)
    scalar("cluster_variance", variance)
    low, high = logit_interval(metrics.roc_auc_score(y, s), variance)
    scalar("cluster_low", low)
    scalar("cluster_high", high)


def ece(confidence, right, bins=10):
    index = np.clip(np.searchsorted(np.arange(1, bins + 1) / bins, confidence, side="left"), 0, bins - 1)
    total = 0.0
    for b in range(bins):
        inside = index == b
        if inside.any():
            total += inside.sum() * abs(right[inside].mean() - confidence[inside].mean())
    return total / len(confidence)


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def fit(logits, y):
    loss = lambda log_t: metrics.log_loss(y, softmax(logits / np.exp(log_t)), labels=range(logits.shape[1]))
    best = optimize.minimize_scalar(loss, bounds=(-4, 4), method="bounded", options={"xatol": 1e-12})
    return np.exp(best.x)


def rates(prefix, y, p):
    scalar(prefix + "_sensitivity", metrics.recall_score(y, p))
    scalar(prefix + "_specificity", metrics.recall_score(y, p, pos_label=0))
    scalar(prefix + "_ppv", metrics.precision_score(y, p))
    scalar(prefix + "_npv", metrics.precision_score(y, p, pos_label=0))
    scalar(prefix + "_f1", metrics.f1_score(y, p))
    scalar(prefix + "_mcc", metrics.matthews_corrcoef(y, p))
    scalar(prefix + "_accuracy", metrics.accuracy_score(y, p))
    scalar(prefix + "_balanced_accuracy", metrics.balanced_accuracy_score(y, p))


def binary(rng):
    n = 60
    y = (rng.random(n) < 0.4).astype(int)
    score = np.round(1 / (1 + np.exp(-(1.2 * (y - 0.4) + rng.normal(size=n)) * 2)), 2).clip(0.01, 0.99)  # with ties
    other = np.round(1 / (1 + np.exp(-(0.7 * (y - 0.4) + rng.normal(size=n)))), 2)
    array("binary_labels", y, "std::int64_t")
    array("binary_scores", score)
    array("binary_other_scores", other)
    rates("binary", y, (score >= 0.5).astype(int))
    scalar("binary_auroc", metrics.roc_auc_score(y, score))
    scalar("binary_other_auroc", metrics.roc_auc_score(y, other))
    scalar("binary_average_precision", metrics.average_precision_score(y, score))
    scalar("binary_brier", metrics.brier_score_loss(y, score))
    p = np.stack([1 - score, score], axis=1)
    pred = p.argmax(axis=1)
    scalar("binary_ece", ece(p.max(axis=1), (pred == y)))
    scalar("binary_nll", metrics.log_loss(y, p))
    scalar("binary_temperature", fit(np.log(p), y))
    fpr, tpr, thresholds = metrics.roc_curve(y, score, drop_intermediate=False)
    array("binary_roc_fpr", fpr)
    array("binary_roc_tpr", tpr)
    array("binary_roc_thresholds", thresholds[1:])  # the first is infinity
    halfway = (thresholds + np.append(thresholds[1:], 0)) / 2
    scalar("binary_youden", halfway[np.argmax(np.round(tpr - fpr, 12))])
    scalar("binary_threshold_090", halfway[np.argmax(tpr >= 0.9)])
    areas, cov = delong_covariance(y, score, other)
    scalar("binary_delong_variance", cov[0, 0])
    low, high = logit_interval(areas[0], cov[0, 0])
    scalar("binary_delong_low", low)
    scalar("binary_delong_high", high)
    variance = cov[0, 0] + cov[1, 1] - 2 * cov[0, 1]
    scalar("binary_delong_difference_variance", variance)
    z = (areas[0] - areas[1]) / np.sqrt(variance)
    scalar("binary_delong_z", z)
    scalar("binary_delong_p", 2 * stats.norm.sf(abs(z)))


def multi(rng):
    n, k = 80, 4
    y = rng.integers(0, k, n)
    logits = np.round(rng.normal(size=(n, k)) * 1.5 + 2.0 * np.eye(k)[y], 2)
    p = softmax(logits)
    pred = p.argmax(axis=1)
    array("multi_labels", y, "std::int64_t")
    array("multi_logits", logits)
    scalar("multi_accuracy", metrics.accuracy_score(y, pred))
    scalar("multi_balanced_accuracy", metrics.balanced_accuracy_score(y, pred))
    scalar("multi_macro_ppv", metrics.precision_score(y, pred, average="macro"))
    scalar("multi_macro_f1", metrics.f1_score(y, pred, average="macro"))
    scalar("multi_mcc", metrics.matthews_corrcoef(y, pred))
    scalar("multi_macro_auroc", metrics.roc_auc_score(y, p, multi_class="ovr", average="macro"))
    scalar("multi_macro_auprc", metrics.average_precision_score(np.eye(k)[y], p, average="macro"))
    scalar("multi_class2_auroc", metrics.roc_auc_score(y == 2, p[:, 2]))
    scalar("multi_brier", metrics.brier_score_loss(y, p, labels=range(k)))
    scalar("multi_nll", metrics.log_loss(y, p))
    scalar("multi_ece", ece(p.max(axis=1), pred == y))
    scalar("multi_temperature", fit(logits, y))
    array("multi_confusion", metrics.confusion_matrix(y, pred), "std::int64_t")


def delong_1988():
    """Albumin, total protein and 10 - K-G score of the 43 complete patients of DeLong et al. 1988, as printed in
    the SAS/STAT documentation of PROC LOGISTIC, example "Comparing Receiver Operating Characteristic Curves"."""
    rows = """3.0 5.8 10 0 3.2 6.3 5 1 3.9 6.8 3 1 2.8 4.8 6 0 3.2 5.8 3 1 0.9 4.0 5 0 2.5 5.7 8 0 1.6 5.6 5 1
    3.8 5.7 5 1 3.7 6.7 6 1 3.2 5.4 4 1 3.8 6.6 6 1 4.1 6.6 5 1 3.6 5.7 5 1 4.3 7.0 4 1 3.6 6.7 4 0 2.3 4.4 6 1
    4.2 7.6 4 0 4.0 6.6 6 0 3.5 5.8 6 1 3.8 6.8 7 1 3.0 4.7 8 0 4.5 7.4 5 1 3.7 7.4 5 1 3.1 6.6 6 1 4.1 8.2 6 1
    4.3 7.0 5 1 4.3 6.5 4 1 3.2 5.1 5 1 2.6 4.7 6 1 3.3 6.8 6 0 1.7 4.0 7 0 3.7 6.1 5 1 3.3 6.3 7 1 4.2 7.7 6 1
    3.5 6.2 5 1 2.9 5.7 9 0 2.1 4.8 7 1 2.8 6.2 8 0 4.0 7.0 7 1 3.3 5.7 6 1 3.7 6.9 5 1 3.6 6.6 5 1"""
    data = np.array(rows.split(), dtype=float).reshape(-1, 4)
    y = data[:, 3].astype(int)
    albumin, kg = data[:, 0], 10 - data[:, 2]
    array("delong_labels", y, "std::uint8_t")
    array("delong_albumin", albumin)
    array("delong_kg_score", kg)
    areas, cov = delong_covariance(y, albumin, kg)
    scalar("delong_albumin_auroc", areas[0])
    scalar("delong_albumin_error", np.sqrt(cov[0, 0]))
    scalar("delong_kg_auroc", areas[1])
    scalar("delong_kg_error", np.sqrt(cov[1, 1]))
    error = np.sqrt(cov[0, 0] + cov[1, 1] - 2 * cov[0, 1])
    scalar("delong_difference_error", error)
    scalar("delong_difference_p", 2 * stats.norm.sf(abs(areas[0] - areas[1]) / error))


def selection():
    """Bootstrap bias correction over every possible resample of two images of each of two classes, three
    candidates."""
    right = np.array([[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]])
    loss = np.array([[0.1, 0.2, 0.9, 1.1], [1.2, 0.3, 0.1, 0.8], [0.7, 1.3, 0.2, 0.3]])
    array("selection_right", right, "std::uint8_t")
    array("selection_loss", loss)
    values = []
    for draw in itertools.product((0, 1), (0, 1), (2, 3), (2, 3)):
        left_out = [[i for i in of_class if i not in draw] for of_class in ((0, 1), (2, 3))]
        if not all(left_out):
            continue
        idx = list(draw)
        best = min(range(3), key=lambda c: (-right[c, idx].sum(), round(loss[c, idx].sum(), 9), c))
        values.append(np.mean([right[best, images].mean() for images in left_out]))
    scalar("selection_corrected", np.mean(values))


def main():
    out.write(f"""// Written by reference.py with numpy {np.__version__}, scipy {scipy.__version__}, scikit-learn
// {sklearn.__version__}, statsmodels {statsmodels.__version__}. Not to be edited.
#pragma once

#include <cstdint>
#include <vector>

namespace xr::statistics::test::reference {{

""")
    rng = np.random.Generator(np.random.PCG64(20240229))
    binary(rng)
    multi(rng)
    delong_1988()
    selection()
    clusters()
    scalar("one_class_35_of_195_150", sum(stats.hypergeom.pmf(35, 345, k, 35) for k in (195, 150)))
    scalar("one_class_12_of_40_160", sum(stats.hypergeom.pmf(12, 200, k, 12) for k in (40, 160)))
    low, high = proportion_confint(76, 86, method="wilson")
    scalar("wilson_76_of_86_low", low)
    scalar("wilson_76_of_86_high", high)
    array("holm_p", [0.01, 0.04, 0.03, 0.005])
    array("holm_adjusted", multipletests([0.01, 0.04, 0.03, 0.005], method="holm")[1])
    for b, c in ((1, 8), (28, 35), (86, 150), (10, 10)):
        scalar(f"mcnemar_exact_{b}_{c}", mcnemar([[0, b], [c, 0]], exact=True).pvalue)
        scalar(f"mcnemar_asymptotic_{b}_{c}", mcnemar([[0, b], [c, 0]], exact=False, correction=False).pvalue)
    out.write("\n}  // namespace xr::statistics::test::reference\n")


main()
