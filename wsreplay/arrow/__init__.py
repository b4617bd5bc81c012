"""Recordings as tables, for DuckDB, pandas, Spark and whatever else reads Arrow or Parquet. Needs the extra `parquet`.

    tables      the tables that a recording becomes: their columns, and their rows in batches
    parquet     folders of Parquet files, by day and recording; and back
    sql         DuckDB over recordings and such folders
"""
