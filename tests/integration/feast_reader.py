"""Asks Feast itself, in the environment of the peers: ``python feast_reader.py REPOSITORY QUESTIONS ANSWERS``.

QUESTIONS is a Parquet file with row, signal_id and event_timestamp. ANSWERS is a folder; it gets a Parquet file an answer.
"""

import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from feast import FeatureStore

HEAD = ["value", "z_exp", "rank_exp", "confidence", "flags", "period_end", "known_at"]


def main(repository: str, questions: str, answers: Path) -> None:
    store = FeatureStore(repository)
    asked = pq.read_table(questions).to_pandas()

    def historical(name: str, features: list[str], **options: bool) -> None:
        frame = store.get_historical_features(asked.copy(), features=features, **options).to_arrow()
        pq.write_table(frame, answers / f"{name}.parquet")

    historical("head", [f"signal:{name}" for name in HEAD])
    historical("vintages", ["signal_vintage:value", "signal_vintage:obs_status"], filter_by_created_timestamp=True)
    historical("unfiltered", ["signal_vintage:value"])
    until = asked["event_timestamp"].max()
    store.materialize(pd.Timestamp("1900-01-01", tz="UTC"), until, feature_views=["signal"])
    entities = [{"signal_id": name} for name in sorted(asked["signal_id"].unique())]
    online = store.get_online_features(
        features=[f"signal:{name}" for name in ("value", "z_exp")], entity_rows=entities
    ).to_dict()
    pq.write_table(pa.table(online), answers / "online.parquet")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
