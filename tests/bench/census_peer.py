#!/usr/bin/env python3
"""The work of examples/census/pipeline.yaml with pandas, scikit-learn and xgboost, for comparison.

    /usr/bin/python3 tests/bench/census_peer.py adult.data

The same rows, split, encoding, hyperparameters and threads; the model, its encoder and a report are
written to a temporary folder, as the pipeline's are to its store. Prints how long imports and work took.
"""

import json
import pathlib
import sys
import tempfile
import time

BEGIN = time.perf_counter()

import joblib  # noqa: E402
import pandas  # noqa: E402
import xgboost  # noqa: E402
from sklearn.compose import ColumnTransformer  # noqa: E402
from sklearn.impute import SimpleImputer  # noqa: E402
from sklearn.metrics import (accuracy_score, confusion_matrix, f1_score, log_loss,  # noqa: E402
                             precision_recall_curve, precision_score, recall_score, roc_auc_score,
                             roc_curve)
from sklearn.model_selection import train_test_split  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import OneHotEncoder  # noqa: E402

IMPORTED = time.perf_counter()

NUMERIC = ["age", "fnlwgt", "education-num", "capital-gain", "capital-loss", "hours-per-week"]
COLUMNS = ["age", "workclass", "fnlwgt", "education", "education-num", "marital-status", "occupation",
           "relationship", "race", "sex", "capital-gain", "capital-loss", "hours-per-week",
           "native-country", "income"]


def main():
    rows = pandas.read_csv(sys.argv[1], header=None, names=COLUMNS, skipinitialspace=True,
                           na_values=["?"])
    label = rows.pop("income").str.rstrip(".").eq(">50K").astype(int)
    categorical = [column for column in COLUMNS[:-1] if column not in NUMERIC]
    train, rest, y_train, y_rest = train_test_split(rows, label, train_size=0.8, random_state=7,
                                                    stratify=label)
    validation, test, y_validation, y_test = train_test_split(rest, y_rest, train_size=0.5,
                                                              random_state=7, stratify=y_rest)
    encoder = ColumnTransformer([
        ("numeric", SimpleImputer(strategy="median"), NUMERIC),
        ("categorical", make_pipeline(SimpleImputer(strategy="constant", fill_value="missing"),
                                      OneHotEncoder(handle_unknown="ignore")), categorical)])
    x_train = encoder.fit_transform(train)
    model = xgboost.train(
        {"objective": "binary:logistic", "max_depth": 6, "eta": 0.3, "nthread": 2},
        xgboost.DMatrix(x_train, y_train), num_boost_round=100,
        evals=[(xgboost.DMatrix(encoder.transform(validation), y_validation), "validation")],
        early_stopping_rounds=20, verbose_eval=False)
    score = model.predict(xgboost.DMatrix(encoder.transform(test)),
                          iteration_range=(0, model.best_iteration + 1))
    chosen = score > 0.5
    report = {
        "auc": roc_auc_score(y_test, score), "accuracy": accuracy_score(y_test, chosen),
        "f1": f1_score(y_test, chosen), "precision": precision_score(y_test, chosen),
        "recall": recall_score(y_test, chosen), "log_loss": log_loss(y_test, score),
        "confusion": confusion_matrix(y_test, chosen).tolist(),
        "roc": [values.tolist() for values in roc_curve(y_test, score)],
        "pr": [values.tolist() for values in precision_recall_curve(y_test, score)]}
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder)
        model.save_model(out / "model.json")
        joblib.dump(encoder, out / "encoder.joblib")
        (out / "report.json").write_text(json.dumps(report))
        test.assign(score=score).to_csv(out / "predictions.csv", index=False)
    print(json.dumps({"imports_ms": (IMPORTED - BEGIN) * 1e3,
                      "work_ms": (time.perf_counter() - IMPORTED) * 1e3, "auc": report["auc"],
                      "rows": len(rows)}))


if __name__ == "__main__":
    main()
