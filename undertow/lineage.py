"""What each signal is made from: which series, and which of their periods. The twin, for readers, of the signal models.

The models know this as SQL; a reader of a published build needs it to explain a number. A test recomputes the
``inputs_hash`` of published rows from what stands here, so the two cannot part unnoticed. Where a reader cannot recompute
the hash, because the model digests more than the published rows say, ``hashed`` is empty, and ``explain`` says so. Add a
line when a domain adds signals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["LINEAGE", "Lineage", "lineage_of"]


@dataclass(frozen=True)
class Lineage:
    """The inputs of one signal.

    A window of ``months`` reaches ``length`` months back from the signal's own month and the value uses its two ends, or
    with ``whole`` every month; a signal of the release calendar has no series. A window of ``days`` is the last ``length``
    days on which every series of ``series`` has a value, and the value uses the series of ``uses`` on all of them. With
    ``any_of``, it is the last ``length`` days on which any of them has one, and a day's value is that of the first of them
    that does. A window of ``dates`` is the day itself and the days ``lags`` before it.
    A series of ``steps`` is decided now and then and stands until the next decision: the value uses what was in force.
    A window of ``span`` takes every period that ends in the signal's own period or up to ``length`` days before it, of all
    series whose ids match: ``%`` in an id stands for anything, where what is added up is whatever was there. Of a series of
    ``newest`` the value uses the newest of these periods alone: a sum that is published as one, or what a sum is held against.
    A window of ``indicators`` has no series: it is made of other signals, those of ``pillars``, as they stood at the end of
    the day (mart_fragility_input). One of ``positions`` is made of the lines of filings about its quarter.
    """

    signal_id: str
    series: tuple[str, ...]
    window: Literal["months", "days", "dates", "span", "indicators", "positions"]
    length: int
    hashed: tuple[str, ...]  # the columns of an input row that its digest covers
    uses: tuple[str, ...] = ()  # a part of ``series``; all where empty
    whole: bool = False
    steps: tuple[str, ...] = ()
    any_of: bool = False
    lags: tuple[int, ...] = (0,)
    newest: tuple[str, ...] = ()
    pillars: tuple[str, ...] = ()


def _rates(*currencies: str) -> tuple[str, ...]:
    return tuple(f"ecb.EXR.D.{currency}.EUR.SP00.A" for currency in currencies)


_LEVEL = ("series_id", "period_start", "known_at", "value", "obs_status", "flag_mask")
_RATE = ("series_id", "period_start", "known_at", "value")
_G10 = _rates("USD", "JPY", "GBP", "CHF", "CAD", "AUD", "NZD", "SEK", "NOK")

# a change is the one that a release states, or else that of two levels of one release
_PAYROLLS = ("bls.CES0000000001:change", "bls.CES0000000001:change_before", "bls.CES0000000001")

_PERCENTILES = ("nyfed.SOFR", "nyfed.SOFR:p1", "nyfed.SOFR:p25", "nyfed.SOFR:p75", "nyfed.SOFR:p99")
_IORB = ("fed.iorb",)
_SHARES = ("repo_share_iorb", "repo_share_iorb_low", "repo_share_iorb_high")


def _yields(*years: int) -> tuple[str, ...]:
    """Return the series of seed_curve_input for maturities of the Treasury curve, the preferred ones first."""
    return tuple(name.format(year) for name in ("treasury.par.BC_{}YEAR", "frb.DGS{}", "fred.DGS{}") for year in years)


def _japan(*years: int) -> tuple[str, ...]:
    """Return the series of seed_curve_input for maturities of Japan's curve."""
    return tuple(f"mof.jgb.{year}Y" for year in years)


def _calendar(days: int) -> int:
    """Return the calendar days that hold the common days of a window, holidays and a lapse included; it may hold more."""
    return days * 3 // 2 + 10


def _fed(*names: str) -> tuple[str, ...]:
    return tuple(f"{room}.{name}" for room in ("frb", "fred") for name in names)


_BROAD = _fed("DTWEXBGS")
_EQUITY, _VIX = ("user.spx", "fred.SP500"), ("user.vix", "fred.VIXCLS")
_HEDGE = (*_BROAD, *_EQUITY)
_BAA, _BITCOIN = ("fred.BAA10Y", "user.baa_minus_10y"), ("user.btc", "fred.CBBTCUSD")
_REAL_RATE = (*_BROAD, *_yields(2, 5), "treasury.real.TC_5YEAR", *_fed("DFII5"))

_TGA = ("fiscaldata.dts.operating_cash_balance.tga_closing", *_fed("WDTGAL"))
_ON_RRP = ("nyfed.ON_RRP:accepted", "fred.RRPONTSYD")
_NET = (*_fed("WALCL"), *_TGA, *_ON_RRP)
_GDP = ("bea.NIPA.T10105.A191RC.Q", "fred.GDP")
_ACCOUNT = "bea.ITA.BalCurrAcct.AllCountries.QSA"


def _tic(*lines: int) -> tuple[str, ...]:
    """Return the series of lines of the TIC table by month: of press releases, and of the history that is read whole."""
    return tuple(f"tic.%.line_{line:02}" for line in lines)


def _tic_12m(*lines: int) -> tuple[str, ...]:
    """Return the series of their twelve-month sums as published."""
    return tuple(f"tic.press_release.line_{line:02}_12m" for line in lines)


def _tic_history(*lines: int) -> tuple[str, ...]:
    """Return the series of the history whose months are summed where no sum was published."""
    return tuple(f"tic.npr.line_{line:02}" for line in lines)


PILLARS = ("funding", "rates", "dollar", "credit", "coupling", "macro")

_BALANCE = "fiscaldata.mts_table_5.5694"

LINEAGE: tuple[Lineage, ...] = (
    *(
        Lineage(f"inflation.cpi_{aggregate}_{name}", (f"bls.CU{survey}R0000{item}",), "months", months, _LEVEL)
        for aggregate, item in (("all", "SA0"), ("core", "SA0L1E"))
        for name, months, survey in (("1m", 1, "S"), ("2m_change", 2, "S"), ("3m", 3, "S"), ("6m", 6, "S"), ("12m", 12, "U"))
    ),
    *(
        Lineage(
            f"inflation.cpi_{aggregate}_acceleration",
            (f"bls.CUSR0000{item}", f"bls.CUUR0000{item}"),
            "months",
            12,
            (),
            whole=True,
        )
        for aggregate, item in (("all", "SA0"), ("core", "SA0L1E"))
    ),
    Lineage("fx.usd_majors_index", _G10, "days", 1, _RATE, _rates("USD", "JPY", "GBP", "CAD", "SEK", "CHF")),
    Lineage("fx.realised_vol_21d", _G10, "days", 22, _RATE, _rates("USD", "JPY", "GBP", "CHF", "CAD", "AUD")),
    Lineage("fx.aud_jpy_realised_vol_21d", _G10, "days", 22, _RATE, _rates("JPY", "AUD")),
    Lineage("fx.absorption_ratio_g10", _G10, "days", 501, _RATE),
    Lineage("fx.mean_pairwise_corr_g10_63d", _G10, "days", 64, _RATE),
    Lineage("fx.usd_broad_index", _BROAD, "days", 1, (), any_of=True),
    *(Lineage(f"fx.usd_equity_corr_{days}d", _HEDGE, "span", _calendar(days), ()) for days in (21, 63, 126, 252)),
    *(
        Lineage(f"fx.{name}", series, "span", _calendar(days), ())
        for name, series, days in (
            ("joint_down_21d", _HEDGE, 21),
            ("joint_down_excess_63d", _HEDGE, 315),
            ("unwind_score_21d", (*_HEDGE, *_VIX), 273),
            ("equity_unhedged_minus_local_eur_ytd", (*_EQUITY, *_rates("USD")), 253),
            ("equity_unhedged_minus_local_jpy_ytd", (*_EQUITY, *_rates("USD", "JPY")), 253),
            ("spx_unhedged_eur_ytd", (*_EQUITY, *_rates("USD")), 253),
            ("spx_unhedged_jpy_ytd", (*_EQUITY, *_rates("USD", "JPY")), 253),
            ("usd_real_rate_beta_126d", _REAL_RATE, 126),
            ("usd_real_rate_r2_126d", _REAL_RATE, 126),
            ("usd_real_rate_residual_z", _REAL_RATE, 126),
            ("usd_devaluation_vol", (*_BROAD, *_VIX, "user.gvz", "user.ovx", *_G10, *_yields(10)), 273),
        )
    ),
    *(
        Lineage(f"coupling.{name}", (*_G10, *_yields(2, 10, 30), *_BROAD), "span", _calendar(days), ())
        for name, days in (
            ("absorption_ratio", 500),
            ("absorption_shift", 751),
            ("turbulence", 253),
            ("mean_pairwise_corr_63d", 63),
            ("effective_rank", 252),
        )
    ),
    *(
        Lineage(f"labour.{name}", _PAYROLLS, "months", months, (), whole=True)
        for name, months in (
            ("payrolls_change", 1),
            ("payrolls_3mma", 3),
            ("payroll_revision_sum", 3),
            ("payroll_revision_size", 3),
            ("payroll_revision_cumulative", 1),
            ("payroll_revision_bias_12m", 13),
            ("negative_prints_4m", 4),
        )
    ),
    Lineage("labour.unemployment_rate", ("bls.LNS14000000",), "months", 0, (), whole=True),
    Lineage("labour.unemployment_unrounded", ("bls.LNS13000000", "bls.LNS11000000"), "months", 0, (), whole=True),
    Lineage("labour.unemployment_rise_streak", ("bls.LNS14000000",), "months", 12, (), whole=True),
    Lineage("labour.youth_unemployment_rise", ("bls.LNS14024887",), "months", 12, (), whole=True),
    Lineage("labour.sahm_strict", ("bls.LNS14000000",), "months", 14, (), whole=True),
    Lineage("labour.sahm_interpolated", ("bls.LNS14000000",), "months", 15, (), whole=True),
    Lineage("quality.release_delay_days", (), "months", 0, ()),
    Lineage(
        "quality.cpi_diffcell_share_of_imputations", ("prints.cpi_cs_imputed_different_cell_pct",), "months", 0, (), whole=True
    ),
    Lineage(
        "quality.cpi_carry_forward_share_of_imputations",
        ("prints.cpi_cs_imputed_carry_forward_pct",),
        "months",
        0,
        (),
        whole=True,
    ),
    Lineage("quality.ces_collection_rate", ("prints.ces_collection_rate_first_print",), "months", 0, (), whole=True),
    Lineage("quality.months_missing_12m", ("bls.CUUR0000SA0",), "months", 11, (), whole=True),
    *(
        Lineage(f"funding.{name}", series, "days", 1, _LEVEL, steps=steps)
        for name, series, steps in (
            *((share, _PERCENTILES, _IORB) for share in _SHARES),
            ("sofr_minus_iorb", ("nyfed.SOFR",), _IORB),
            ("tgcr_minus_iorb", ("nyfed.TGCR",), _IORB),
            ("effr_minus_iorb", ("nyfed.EFFR",), _IORB),
            ("sofr_p99_minus_iorb", ("nyfed.SOFR:p99",), _IORB),
            ("sofr_dispersion", ("nyfed.SOFR:p1", "nyfed.SOFR:p99"), ()),
            ("sofr_minus_effr", ("nyfed.SOFR", "nyfed.EFFR"), ()),
            ("sofr_p99_minus_median", ("nyfed.SOFR", "nyfed.SOFR:p99"), ()),
            ("sofr_minus_on_rrp", ("nyfed.SOFR", "nyfed.ON_RRP:offering_rate"), ()),
            ("srf_takeup", ("nyfed.SRF:accepted",), ()),
            ("on_rrp", ("nyfed.ON_RRP:accepted",), ()),
        )
    ),
    *(
        Lineage(f"funding.{share}_month", (*_PERCENTILES, "nyfed.SOFR:volume"), "months", 0, (), whole=True, steps=_IORB)
        for share in _SHARES
    ),
    Lineage(
        "funding.domestic_bank_share_month",
        ("nyfed.FR2420:effr_total", "nyfed.FR2420:effr_domestic"),
        "months",
        0,
        _LEVEL,
        whole=True,
    ),
    *(
        Lineage(f"rates.{name}", series, "days", length, (), any_of=True)
        for name, series, length in (
            ("ust_30y_3d_change", _yields(30), 4),
            ("ust_30y_3d_z", _yields(30), 256),
            ("ust_10y_3d_z", _yields(10), 256),
            ("ust_30y_3d_z_abs", _yields(30), 256),
            ("ust_10y_3d_z_abs", _yields(10), 256),
            ("ust_2y_21d_change", _yields(2), 22),
            ("ust_10y_rv21", _yields(10), 22),
            ("move_proxy", _yields(2, 5, 10, 30), 22),
            ("curve_regime_5d", _yields(2, 10), 6),
            ("bear_steepening_score", _yields(2, 10), 6),
            ("jgb_30y_3d_change", _japan(30), 4),
            ("jgb_10y_3d_z", _japan(10), 256),
            ("jgb_30y_3d_z", _japan(30), 256),
            ("jgb_40y_3d_z", _japan(40), 256),
            ("jgb_10y_rv21", _japan(10), 22),
            ("jgb_40y_level", _japan(40), 1),
            ("jgb_curve_regime_5d", _japan(2, 10), 6),
            ("jgb_bear_steepening_score", _japan(2, 10), 6),
        )
    ),
    *(
        Lineage(f"liquidity.{name}", series, "dates", 0, (), lags=lags)
        for name, series, lags in (
            ("net_liquidity", _NET, (0,)),
            ("net_liquidity_chg_13w", _NET, (0, 91)),
            ("reserves", _fed("WRESBAL"), (0,)),
            ("reserves_chg_13w", _fed("WRESBAL"), (0, 91)),
            ("tga", _TGA, (0,)),
            ("rrp_drained", _ON_RRP, (0,)),
            ("qt_pace_4w", _fed("TREAST", "WSHOMCB"), (0, 28)),
            ("daylight_overdrafts", ("frb.daylight_overdrafts.average.total",), (0,)),
            ("reserve_demand_elasticity", ("nyfed.RDE",), (0,)),
            ("reserve_demand_elasticity_low", ("nyfed.RDE:p16",), (0,)),
            ("reserve_demand_elasticity_high", ("nyfed.RDE:p84",), (0,)),
        )
    ),
    # the newest figure of what reserves are held against
    *(
        Lineage(
            f"liquidity.reserves_pct_{name}",
            (*_fed("WRESBAL"), *against),
            "span",
            days,
            (),
            newest=(*_fed("WRESBAL"), *against),
        )
        for name, against, days in (("bank_assets", ("fred.TLAACBW027SBOG",), 35), ("gdp", _GDP, 366))
    ),
    *(
        Lineage(signal_id, series, "span", _calendar(days), ())
        for signal_id, series, days in (
            ("rates.breakeven_5y_21d_change", (*_yields(5), "treasury.real.TC_5YEAR", *_fed("DFII5")), 21),
            ("fx.usd_equity_corr_ewma", _HEDGE, 252),
            ("fx.usd_equity_tail_beta", _HEDGE, 252),
            ("equity.drawdown_252d", _EQUITY, 251),
            ("equity.distance_from_mean_100d", _EQUITY, 99),
            ("equity.gold_beta_63d", (*_EQUITY, "user.gold"), 63),
            ("equity.gold_corr_63d", (*_EQUITY, "user.gold"), 63),
            ("equity.bitcoin_beta_63d", (*_EQUITY, *_BITCOIN), 63),
            ("equity.bitcoin_corr_63d", (*_EQUITY, *_BITCOIN), 63),
            ("credit.equity_divergence", (*_EQUITY, *_BAA), 503),
        )
    ),
    # the cash rate of the day; the newest month of prices that was known then, and the one a year before, lie within 460 days
    Lineage("rates.real_return_on_cash", ("nyfed.SOFR", "bls.CUUR0000SA0"), "span", 460, (), newest=("nyfed.SOFR",)),
    # the future of the day and the newest rate before it
    *(
        Lineage(f"rates.{name}", ("user.zq.%", "nyfed.EFFR"), "span", 10, (), newest=("user.zq.%", "nyfed.EFFR"))
        for name in ("cut_odds", "cut_odds_entropy")
    ),
    *(
        Lineage(f"equity.{name}", ("user.spx_weight.%",), "span", 0, ())
        for name in ("top10_weight", "top10_weight_by_listing", "concentration_hhi", "effective_members")
    ),
    # series of the user's own, as they stand
    *(
        Lineage(signal_id, series, "span", 0, ())
        for signal_id, series in (
            ("rates.move", ("user.move",)),
            ("rates.inflation_swap_2y", ("user.inflation_swap_2y",)),
            ("rates.terminal_rate", ("user.sofr_future_8",)),
            ("fx.dxy", ("user.dxy",)),
            ("fx.eurusd_risk_reversal_25d", ("user.rr25_eurusd",)),
            ("fx.usdjpy_risk_reversal_25d", ("user.rr25_usdjpy",)),
            ("credit.baa_minus_10y", _BAA),
            ("credit.hy_oas", ("fred.BAMLH0A0HYM2", "user.hy_oas")),
            ("credit.cds_single_name_5y", ("user.cds_5y",)),
            ("credit.subprime_auto_60d", ("user.subprime_auto_60d",)),
            ("equity.price_to_sales", ("user.spx_price_to_sales",)),
            ("equity.option_notional_expiring", ("user.option_notional_expiring",)),
            ("equity.book_depth", ("user.spx_book_depth",)),
            ("equity.dealer_gamma", ("user.spx_dealer_gamma",)),
            ("equity.hedge_fund_net_exposure", ("user.hedge_fund_net_exposure",)),
            ("funding.late_payments_share", ("user.fedwire_late_share",)),
        )
    ),
    Lineage(
        "trade.de_cn_capital_goods_balance_12m_bec4",
        tuple(f"eurostat.DS-059328.M.DE.CN.{product}.{flow}.VALUE_IN_EUROS" for product in (41, 521) for flow in (1, 2)),
        "months",
        11,
        _LEVEL,
        whole=True,
    ),
    Lineage("basis.leveraged_gross_short", ("cftc.tff.%.lev_money_short",), "span", 0, ()),
    Lineage("basis.leveraged_net", ("cftc.tff.%.lev_money_short", "cftc.tff.%.lev_money_long"), "span", 0, ()),
    Lineage("basis.unwind_4w", ("cftc.tff.%.lev_money_short",), "span", 28, ()),
    *(
        Lineage(f"fiscal.{name}", tuple(f"{_BALANCE}.{field}" for field in fields), "months", 0, (), whole=True)
        for name, fields in (
            ("deficit_fytd", ("current_fytd_net_outly_amt",)),
            ("deficit_fytd_yoy", ("current_fytd_net_outly_amt", "prior_fytd_net_outly_amt")),
            ("deficit_fytd_yoy_adjusted", ("current_fytd_net_outly_amt", "prior_fytd_net_outly_amt")),
        )
    ),
    Lineage("fiscal.bill_share_of_issuance", ("fiscaldata.auctions_query.%",), "span", 0, ()),
    Lineage("fiscal.buybacks_21d", ("fiscaldata.buybacks_operations.%.total_par_amt_accepted",), "span", 28, ()),
    *(
        Lineage(f"crossborder.tic_{name}", _tic(*lines), "span", days, ())
        for name, lines, days in (
            ("net", (30,), 0),
            ("private_equity", (8,), 0),
            ("private_minus_official", (31, 32), 0),
            ("treasury_minus_equity", (5, 10, 8, 13), 0),
            ("private_minus_official_60m_z", (31, 32), 1826),
            ("treasury_minus_equity_60m_z", (5, 10, 8, 13), 1826),
        )
    ),
    # the twelve months end with the signal's own; GDP is that of the newest quarter within them
    *(
        Lineage(
            f"crossborder.tic_{name}",
            (*_tic_12m(*lines), *_tic_history(*lines), *gdp),
            "span",
            334,
            (),
            newest=(*_tic_12m(*lines), *gdp),
        )
        for name, lines, gdp in (
            ("net_12m", (30,), ()),
            ("private_12m", (31,), ()),
            ("longterm_12m", (3,), ()),
            ("treasury_12m", (5, 10), ()),
            ("treasury_private_12m", (5,), ()),
            ("equity_12m", (8, 13), ()),
            ("private_equity_12m", (8,), ()),
            ("private_equity_corporate_12m", (7, 8), ()),
            ("12m_pct_gdp", (30,), _GDP),
            ("private_12m_pct_gdp", (31,), _GDP),
            ("longterm_12m_pct_gdp", (3,), _GDP),
            ("treasury_12m_pct_gdp", (5, 10), _GDP),
            ("equity_12m_pct_gdp", (8, 13), _GDP),
        )
    ),
    Lineage("crossborder.tic_private_reversal_3m", (*_tic(7, 8), *_tic_12m(7, 8)), "span", 62, ()),
    Lineage("crossborder.current_account_pct_gdp", (_ACCOUNT, *_GDP), "span", 0, ()),
    Lineage("crossborder.current_account_4q_pct_gdp", (_ACCOUNT, *_GDP), "span", 275, ()),
    Lineage(
        "crossborder.other_change_share",
        tuple(f"tic.slt1.for_lt_total_{part}.99996" for part in ("pos", "net", "valchg")),
        "months",
        1,
        (),
        whole=True,
    ),
    # made of positions, which are no series: mart_private_credit_lines has every line with its filing
    *(
        Lineage(f"credit.{name}", (), "positions", 0, ())
        for name in (
            "mark_range_weighted",
            "share_gap_over_5",
            "share_gap_over_10",
            "share_gap_over_20",
            "share_below_90",
            "share_below_80",
            "pik_share",
            "nonaccrual_share",
            "level3_share",
        )
    ),
    Lineage("crossborder.niip_pct_gdp", ("bea.IIP.Net.Pos.QNSA", *_GDP), "span", 0, ()),
    *(Lineage(f"composite.{name}", (), "indicators", 0, (), pillars=PILLARS) for name in ("fragility_ciss", "fragility_mean")),
    *(Lineage(f"composite.pillar_{pillar}", (), "indicators", 0, (), pillars=(pillar,)) for pillar in PILLARS),
)


def lineage_of(signal_id: str) -> Lineage | None:
    """Return the lineage of a signal, or None where nothing is written down."""
    return next((lineage for lineage in LINEAGE if lineage.signal_id == signal_id), None)
