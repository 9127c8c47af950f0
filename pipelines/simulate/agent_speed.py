"""How much faster than its cell the agent of a turn answers everybody else: the agent leave-one-out instrument."""

import numpy as np

from pipelines.claim.linear import Floats, Integers, codes

LEAST_CELL_TURNS = 5
LEAST_AGENT_TURNS = 10
LEAST_ANSWERED_SHARE = 0.9


def agent_leave_one_out(customer: Integers, agent: Integers, shift: Integers, slot: Integers, responsiveness: Floats) -> Floats:
    """The instrument of each ticket turn, as the warehouse's `claim_turn_agents` makes it.

    A turn's cell is its shift where at least 5 turns of it were answered, else the rest of its queue and slot. With
    everything of the turn's customer left out, an agent's speed is the mean over the agent's turns of responsiveness less
    the mean of their cell; the instrument is that speed less the mean speed over the cell's turns, so that its mean within
    a cell, were agents dealt out by lot, is zero (leave-out means of residuals: Dahl, Kostol and Mogstad 2014;
    recentring: Borusyak and Hull 2023).

    Args:
        customer: (n,) codes from 0.
        agent: (n,) code of who replied first, -1 where nobody did; turns that a bot alone answered are not among them.
        shift, slot: (n,) codes of queue, week and slot, and of queue and slot.
        responsiveness: (n,) -log2(hours).

    Returns:
        (n,) halvings of the reply time; NaN without an agent; where the cell has fewer than 5 answered turns, or more than
        1 in 10 without an answer (nobody knows whose those were); where it has fewer than 4 turns of other customers by
        agents whose speed is known; and where the agent has fewer than 10 turns of other customers.
    """
    found = np.full(len(customer), np.nan)
    is_answered = agent >= 0
    cell = _cells(shift, slot, is_answered)
    answered, asked = np.bincount(cell[is_answered], minlength=len(cell)), np.bincount(cell, minlength=len(cell))
    is_told = (answered >= LEAST_CELL_TURNS) & (answered >= LEAST_ANSWERED_SHARE * asked)
    chosen = np.flatnonzero(is_answered & is_told[cell])
    if not len(chosen):
        return found
    cell, customer, agent, value = codes(cell[chosen]), codes(customer[chosen]), codes(agent[chosen]), responsiveness[chosen]
    n_cells, n_agents = int(cell.max()) + 1, int(agent.max()) + 1
    own, pair = np.unique(customer * n_cells + cell, return_inverse=True)
    who, where = own // n_cells, own % n_cells
    # One row per customer and cell, one column per agent: what the cell holds, and what of it is the customer's.
    count, total = (_table(cell, agent, weights, n_cells, n_agents)[where] for weights in (None, value))
    own_count, own_total = (_table(pair, agent, weights, len(own), n_agents) for weights in (None, value))
    of_all = _left(count, total)
    of_others = _left(count - own_count, total - own_total)
    sums = _sums_by_agent(cell, agent, value, n_cells, n_agents) + _by_customer(who, of_others - of_all)
    numbers = np.bincount(agent, minlength=n_agents) - _by_customer(who, own_count)
    speed = np.divide(sums, numbers, out=np.full(sums.shape, np.nan), where=numbers >= LEAST_AGENT_TURNS)[who]
    weight = np.where(np.isnan(speed), 0.0, count - own_count)
    known = weight.sum(axis=1)
    usual = np.divide(
        (weight * np.nan_to_num(speed)).sum(axis=1), known, out=np.full(len(own), np.nan), where=known >= LEAST_CELL_TURNS - 1
    )
    found[chosen] = speed[pair, agent] - usual[pair]
    return found


def _cells(shift: Integers, slot: Integers, is_answered: np.ndarray) -> Integers:
    """(n,) the shift where enough turns of it were answered, else the rest of the slot."""
    shift_code, slot_code = codes(shift), codes(slot)
    is_full = np.bincount(shift_code[is_answered], minlength=len(shift)) >= LEAST_CELL_TURNS
    return codes(np.where(is_full[shift_code], shift_code, len(shift) + slot_code))


def _table(rows: Integers, columns: Integers, weights: Floats | None, n_rows: int, n_columns: int) -> Floats:
    cells = np.bincount(rows * n_columns + columns, weights=weights, minlength=n_rows * n_columns)
    return cells.reshape(n_rows, n_columns).astype(np.float64)


def _left(count: Floats, total: Floats) -> Floats:
    """Each agent's total less what the row's mean would give it."""
    n = count.sum(axis=1, keepdims=True)
    return total - count * np.divide(total.sum(axis=1, keepdims=True), n, out=np.zeros_like(n), where=n > 0)


def _sums_by_agent(cell: Integers, agent: Integers, value: Floats, n_cells: int, n_agents: int) -> Floats:
    """(agents,) sums over turns of responsiveness less the mean of the cell, nobody left out."""
    return _left(_table(cell, agent, None, n_cells, n_agents), _table(cell, agent, value, n_cells, n_agents)).sum(axis=0)


def _by_customer(who: Integers, values: Floats) -> Floats:
    """(customers, agents) sums over the customer's cells."""
    sums = np.zeros((int(who.max()) + 1, values.shape[1]))
    np.add.at(sums, who, values)
    return sums
