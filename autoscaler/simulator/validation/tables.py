"""All tables of the self-test, in the order in which they are shown."""

from collections.abc import Mapping

from autoscaler.simulator.validation import lambda_tables, minute_tables, on_demand_tables, windowed_tables
from autoscaler.simulator.validation.setting import Table

TABLES: Mapping[str, Table] = {
    table.name: table
    for table in (*minute_tables.TABLES, *on_demand_tables.TABLES, *windowed_tables.TABLES, *lambda_tables.TABLES)
}
"""By name."""
