"""What goes out: the verdict."""

from typing import Any

SCHEMA = "claim"
TABLE = "claim_verdict"


def expectations() -> list[Any]:
    """No publication without a verdict, and none that its grades do not earn."""
    import great_expectations.expectations as gxe

    return [
        gxe.ExpectTableRowCountToBeBetween(min_value=1, description="there is a verdict"),
        gxe.ExpectColumnValuesToBeInSet(
            column="verdict",
            value_set=["supported", "contradicted", "inconclusive"],
            description="a verdict is supported, contradicted or inconclusive",
        ),
        gxe.ExpectColumnValuesToNotBeNull(column="prereg_sha", description="a verdict tells the plan that it was decided by"),
        gxe.UnexpectedRowsExpectation(
            unexpected_rows_query="""
                select claim_id from {batch}
                where verdict <> 'inconclusive' and (evidence_grade_r > 'B' or evidence_grade_b > 'C' or gates_passed < gates_total)
            """,
            description="no verdict without responsiveness graded A or B, broadcast A to C, and every gate passed",
        ),
    ]
