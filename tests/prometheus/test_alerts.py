"""Every alert fires in its scenario, and nothing else does; a healthy service is silent.

A scenario is the healthy service with some series replaced; promtool plays it and says which alerts fire at a moment.
"""
import json
import re

import pytest
from promtool import CONF, ROOT, RULE_FILES, alerts, promtool

MINUTES = "{minutes}"  # until the moment that is looked at; played() knows it
NGINX = '{job="luna-nginx",instance="n"}'
WORKER, SYNCD, GATEWAY = '{job="luna-worker",instance="w"}', '{job="luna-syncd",instance="s"}', '{job="luna-gateway",instance="g"}'


def labelled(name, labels, extra=""):
    return name + (labels.replace("}", f",{extra}}}") if extra else labels)


def worker(name, extra=""):
    return labelled(name, WORKER, extra)


def syncd(name):
    return labelled(name, SYNCD)


def gateway(name):
    return labelled(name, GATEWAY)


def answered(by, status):
    return labelled("luna_gateway_answers_total", NGINX, f'by="{by}",status="{status}"')


def flat(value):
    return f"{value}x{MINUTES}"


def growing(a_minute):
    return f"0+{a_minute}x{MINUTES}"


def stepping(value):
    """A counter that moved once, after five minutes."""
    return f"0x5 {value}x{MINUTES}"


GOOD = worker("luna_worker_requests_total", 'status="200"')
BAD = worker("luna_worker_requests_total", 'status="503"')
FAST = worker("luna_worker_request_duration_seconds_bucket", 'le="1.024"')


def kind(labels, store, of):
    return labelled(f"luna_{store}_errors_total", labels, f'kind="{of}"')


def trips(labels, store, operation, slow_share=0):
    """A store's histogram with 6000 round trips a minute: the slow ones take between one and five seconds."""
    name = f"luna_{store}_{'request' if store == 'redis' else 'query'}_duration_seconds_bucket"
    return {labelled(name, labels, f'operation="{operation}",le="{bound}"'): growing(6000 * share)
            for bound, share in (("0.001", 1 - slow_share), ("1.0", 1 - slow_share), ("5.0", 1), ("+Inf", 1))}


def series(model, outcome):
    return worker("luna_filter_series_total", f'model="{model}",outcome="{outcome}"')


HEALTHY = {
    worker("up"): flat(1), syncd("up"): flat(1), gateway("probe_success"): flat(1),
    labelled("up", NGINX): flat(1), labelled("luna_gateway_log_lines_dropped_total", NGINX): flat(0),
    labelled("luna_gateway_connections_refused_total", NGINX): flat(0),
    answered("pool", 200): growing(6000), answered("pool", 503): growing(3), answered("gateway", 502): growing(1),
    answered("gateway", 429): growing(60), answered("gateway", 503): flat(0),
    gateway("probe_ssl_earliest_cert_expiry"): flat(90 * 86400),
    GOOD: growing(6000), BAD: growing(3),  # half of what the objective allows
    worker("luna_worker_requests_total", 'status="429"'): growing(600),
    FAST: growing(5990), worker("luna_worker_request_duration_seconds_count"): growing(6000),
    worker("luna_worker_backlog_depth"): flat(20), worker("luna_worker_backlog_max"): flat(511),
    worker("process_open_fds"): flat(12), worker("process_max_fds"): flat(1024), worker("luna_worker_ready"): flat(1),
    worker("luna_worker_alive"): flat(1), syncd("luna_syncd_log_lines_dropped_total"): flat(0),
    syncd("luna_syncd_leading"): flat(1), syncd("luna_syncd_last_round_age_seconds"): flat(1),
    syncd("luna_syncd_redis_memory_bytes"): flat(2e6), syncd("luna_syncd_redis_memory_max_bytes"): flat(256e6),
    syncd("luna_syncd_last_backup_timestamp_seconds"): f"0+60x{MINUTES}",
    syncd("luna_syncd_oldest_unbooked_seconds"): flat(1), syncd("luna_syncd_fences_total"): flat(1),
    **{worker(f"luna_worker_{name}"): flat(0) for name in (
        "crash_looping", "crashes_total", "kills_total", "quarantined_total", "shed_total", "dropped_total",
        "reload_rollbacks_total", "upgrade_rollbacks_total", "log_lines_dropped_total", "unjournalled_total")},
    **{syncd(f"luna_syncd_{name}"): flat(0) for name in (
        "accounts_refused_total", "conservation_redis_broken", "conservation_ledger_broken", "conservation_total_broken",
        "clock_redis_offset_seconds", "clock_database_offset_seconds", "clocks_disagree")},
    **{worker("luna_worker_clock_offset_seconds", f'clock="{clock}"'): flat(0.01) for clock in ("redis", "postgresql", "gateway")},
    **{kind(labels, store, of): flat(0) for labels in (WORKER, SYNCD) for store in ("redis", "postgresql")
       for of in ("timeout", "connection", "refused")},
    kind(WORKER, "redis", "fenced"): flat(0),
    **trips(WORKER, "redis", "admit"), **trips(WORKER, "postgresql", "load"), **trips(SYNCD, "postgresql", "book"),
    **trips(SYNCD, "postgresql", "fence", 1),  # a recovery of all accounts may take its time
    series("local_level", "done"): growing(6000), series("arima", "done"): growing(95), series("arima", "not_converged"): growing(5),
}
GONE = None


def errors(share):
    return {GOOD: growing(6000 * (1 - share)), BAD: growing(6000 * share)}


def slow(share):
    return {FAST: growing(6000 * (1 - share))}


# name: (what differs from the healthy service, at which moment, the alerts that fire then)
SCENARIOS = {
    "healthy_for_an_hour": ({}, "60m", set()),
    "healthy_for_three_days": ({}, "4320m", set()),
    "redis_without_a_limit": ({syncd("luna_syncd_redis_memory_bytes"): flat(9e9), syncd("luna_syncd_redis_memory_max_bytes"): flat(0)}, "60m", set()),
    "redis_is_filling_up": ({syncd("luna_syncd_redis_memory_bytes"): flat(200e6)}, "20m", {"LunaRedisMemoryHigh"}),
    "redis_is_nearly_full": ({syncd("luna_syncd_redis_memory_bytes"): flat(240e6)}, "20m", {"LunaRedisMemoryFull", "LunaRedisMemoryHigh"}),
    "yesterdays_backup": ({syncd("luna_syncd_last_backup_timestamp_seconds"): flat(0)}, "1500m", set()),
    "no_backup_since_yesterday": ({syncd("luna_syncd_last_backup_timestamp_seconds"): flat(0)}, "1630m", {"LunaBackupOld"}),
    "one_scrape_missed": ({worker("up"): f"1x5 0 1x{MINUTES}", syncd("up"): f"1x5 0 1x{MINUTES}"}, "6m", set()),
    "certificate_for_a_month": ({gateway("probe_ssl_earliest_cert_expiry"): flat(30 * 86400)}, "120m", set()),
    "a_quiet_night": ({GOOD: flat(100), BAD: flat(100), FAST: flat(1), worker("luna_worker_request_duration_seconds_count"): flat(2)},
                      "120m", set()),
    "two_percent_fail": (errors(0.02), "3m", {"LunaErrorBurnFast"}),
    "eight_in_a_thousand_fail": (errors(0.008), "10m", {"LunaErrorBurnSlow"}),
    "two_in_a_thousand_fail": (errors(0.002), "90m", {"LunaErrorBurnLong"}),
    "errors_of_an_hour_ago": ({GOOD: growing(6000), BAD: f"0+300x10 3000x{MINUTES}"}, "60m", set()),
    "a_fifth_is_slow": (slow(0.2), "5m", {"LunaLatencyBurnFast"}),
    "eight_percent_are_slow": (slow(0.08), "30m", {"LunaLatencyBurnSlow"}),
    "pool_down": ({worker("up"): flat(0)}, "3m", {"LunaWorkerPoolDown"}),
    "pool_not_scraped": ({worker("up"): GONE}, "6m", {"LunaWorkerPoolAbsent"}),
    "syncd_down": ({syncd("up"): flat(0)}, "3m", {"LunaSyncdDown"}),
    "syncd_not_scraped": ({syncd("up"): GONE}, "6m", {"LunaSyncdAbsent"}),
    "pool_not_ready": ({worker("luna_worker_ready"): flat(0)}, "3m", {"LunaNotReady"}),
    "master_stopped": ({worker("luna_worker_alive"): flat(0)}, "3m", {"LunaMasterStopped"}),
    "nobody_reads_the_workers_log": ({worker("luna_worker_log_lines_dropped_total"): stepping(20)}, "8m", {"LunaLogLinesDropped"}),
    "nobody_reads_the_log_of_syncd": ({syncd("luna_syncd_log_lines_dropped_total"): stepping(20)}, "8m", {"LunaLogLinesDropped"}),
    "the_disk_of_the_journal_is_full": ({worker("luna_worker_unjournalled_total"): stepping(20)}, "8m", {"LunaJournalUnwritable"}),
    "crash_loop": ({worker("luna_worker_crash_looping"): flat(1)}, "3m", {"LunaCrashLoop"}),
    "a_worker_crashed": ({worker("luna_worker_crashes_total"): stepping(1)}, "8m", {"LunaWorkersCrash"}),
    "a_crash_of_yesterday": ({worker("luna_worker_crashes_total"): stepping(1)}, "30m", set()),
    "a_worker_hung": ({worker("luna_worker_kills_total"): stepping(1)}, "8m", {"LunaWorkersHang"}),
    "body_quarantined": ({worker("luna_worker_quarantined_total"): stepping(1)}, "8m", {"LunaBodyQuarantined"}),
    "queue_nearly_full": ({worker("luna_worker_backlog_depth"): flat(450)}, "3m", {"LunaBacklogFull"}),
    "queue_of_unknown_depth": ({worker("luna_worker_backlog_depth"): flat(-1), worker("luna_worker_backlog_max"): flat(-1)}, "10m", set()),
    "requests_are_shed": ({worker("luna_worker_shed_total"): growing(5)}, "12m", {"LunaOverloaded"}),
    "a_stranger_connects": ({worker("luna_worker_dropped_total"): stepping(3)}, "8m", {"LunaForeignConnections"}),
    "wrong_keys_keep_coming": ({worker("luna_worker_problems_total", 'code="key_invalid"'): growing(600)}, "17m", {"LunaKeysRefused"}),
    "a_client_forgot_its_key": ({worker("luna_worker_problems_total", 'code="key_invalid"'): growing(60)}, "17m", set()),
    "nobody_has_a_key": ({worker("luna_worker_problems_total", 'code="key_missing"'): growing(6000)}, "17m", set()),
    "reload_rolled_back": ({worker("luna_worker_reload_rollbacks_total"): stepping(1)}, "8m", {"LunaRolloutRolledBack"}),
    "upgrade_rolled_back": ({worker("luna_worker_upgrade_rollbacks_total"): stepping(1)}, "8m", {"LunaRolloutRolledBack"}),
    "descriptors_run_out": ({worker("process_open_fds"): flat(900)}, "15m", {"LunaDescriptorsLow"}),
    "nobody_leads": ({syncd("luna_syncd_leading"): flat(0)}, "3m", {"LunaNoLeader"}),
    "another_one_leads": ({'luna_syncd_leading{job="luna-syncd",instance="t"}': flat(1), syncd("luna_syncd_leading"): flat(0),
                           syncd("luna_syncd_last_round_age_seconds"): growing(60),
                           'luna_syncd_last_round_age_seconds{job="luna-syncd",instance="t"}': flat(1)}, "30m", set()),
    "rounds_stop": ({syncd("luna_syncd_last_round_age_seconds"): growing(60)}, "5m", {"LunaQuotaLag"}),
    "charges_stay_unbooked": ({syncd("luna_syncd_oldest_unbooked_seconds"): growing(60)}, "15m", {"LunaUnbookedBacklog"}),
    "redis_does_not_add_up": ({syncd("luna_syncd_conservation_redis_broken"): flat(1)}, "3m", {"LunaConservationBroken"}),
    "ledger_does_not_add_up": ({syncd("luna_syncd_conservation_ledger_broken"): flat(1)}, "3m", {"LunaConservationBroken"}),
    "total_does_not_add_up": ({syncd("luna_syncd_conservation_total_broken"): flat(1)}, "3m", {"LunaConservationBroken"}),
    "redis_clock_is_two_seconds_behind": ({syncd("luna_syncd_clock_redis_offset_seconds"): flat(-2)}, "8m", {"LunaClockOffset"}),
    "postgresql_clock_is_ahead": ({syncd("luna_syncd_clock_database_offset_seconds"): flat(2)}, "8m", {"LunaClockOffset"}),
    "clock_of_a_gateway_is_behind": ({worker("luna_worker_clock_offset_seconds", 'clock="gateway"'): flat(-2)}, "8m", {"LunaClockOffset"}),
    "clock_of_a_worker_host_is_ahead": ({worker("luna_worker_clock_offset_seconds", 'clock="redis"'): flat(-2)}, "8m", {"LunaClockOffset"}),
    "clocks_differ_by_milliseconds": ({syncd("luna_syncd_clock_redis_offset_seconds"): flat(0.02)}, "60m", set()),
    "clocks_disagree": ({syncd("luna_syncd_clocks_disagree"): flat(1)}, "3m", {"LunaClocksDisagree"}),
    "bookings_are_refused": ({syncd("luna_syncd_accounts_refused_total"): stepping(1)}, "8m", {"LunaBookingsRefused"}),
    "redis_restarted_once": ({syncd("luna_syncd_fences_total"): f"1x5 2x{MINUTES}"}, "8m", set()),
    "redis_restarts_again_and_again": ({syncd("luna_syncd_fences_total"): f"1+1x{MINUTES}"}, "8m", {"LunaRedisRestarts"}),
    "redis_times_out": ({kind(WORKER, "redis", "timeout"): growing(6)}, "12m", {"LunaRedisErrors"}),
    "redis_refuses_the_login_of_syncd": ({kind(SYNCD, "redis", "refused"): growing(6)}, "12m", {"LunaRedisErrors"}),
    "redis_restarted_under_many_workers": ({kind(WORKER, "redis", "connection"): stepping(200)}, "12m", set()),
    "redis_fenced_for_long": ({kind(WORKER, "redis", "fenced"): growing(600)}, "12m", set()),  # that is quota-syncd's trouble, and has its alerts
    "redis_is_slow": (trips(WORKER, "redis", "admit", 0.02), "17m", {"LunaRedisSlow"}),
    "redis_is_slow_for_one_in_two_hundred": (trips(WORKER, "redis", "admit", 0.005), "17m", set()),
    "postgresql_loses_connections": ({kind(SYNCD, "postgresql", "connection"): growing(6)}, "12m", {"LunaPostgresqlErrors"}),
    "postgresql_is_slow": (trips(WORKER, "postgresql", "load", 0.02), "17m", {"LunaPostgresqlSlow"}),
    "bookings_are_slow": (trips(SYNCD, "postgresql", "book", 0.02), "17m", {"LunaPostgresqlSlow"}),
    "fits_do_not_converge": ({series("arima", "not_converged"): growing(50)}, "95m", {"LunaFitsNotConverged"}),
    "one_odd_series_an_hour": ({series("cycle", "not_converged"): f"0x5 1x{MINUTES}"}, "40m", set()),
    "gateway_down": ({gateway("probe_success"): flat(0)}, "4m", {"LunaGatewayDown"}),
    "nginx_gives_no_counts": ({labelled("up", NGINX): flat(0)}, "4m", {"LunaGatewayDown"}),
    "no_worker_takes_requests": ({answered("gateway", 502): growing(600)}, "4m", {"LunaGatewayFails"}),
    "workers_answer_too_late": ({answered("gateway", 504): growing(600)}, "4m", {"LunaGatewayFails"}),
    "the_pool_itself_says_502": ({answered("pool", 502): growing(600)}, "4m", set()),
    "a_client_ignores_its_429": ({answered("gateway", 429): growing(6000)}, "17m", {"LunaGatewayLimits"}),
    "the_gateway_is_full": ({answered("gateway", 503): growing(600)}, "17m", {"LunaGatewayLimits"}),
    "a_flood_of_connections": ({labelled("luna_gateway_connections_refused_total", NGINX): growing(6000)}, "17m", {"LunaGatewayLimits"}),
    "a_plan_limits_its_clients": ({answered("pool", 429): growing(6000)}, "17m", set()),
    "nobody_reads_the_log_of_nginx": ({labelled("luna_gateway_log_lines_dropped_total", NGINX): stepping(20)}, "8m", {"LunaLogLinesDropped"}),
    "certificate_for_ten_days": ({gateway("probe_ssl_earliest_cert_expiry"): flat(10 * 86400)}, "90m", {"LunaCertificateExpiry"}),
    "certificate_for_a_day": ({gateway("probe_ssl_earliest_cert_expiry"): flat(86400)}, "90m",
                              {"LunaCertificateExpiry", "LunaCertificateExpiryNear"}),
    "redis_stopped": (errors(1) | {worker("luna_worker_ready"): flat(0), syncd("luna_syncd_leading"): flat(0),
                                   syncd("luna_syncd_last_round_age_seconds"): growing(60)}, "4m",
                      {"LunaErrorBurnFast", "LunaNotReady", "LunaNoLeader", "LunaQuotaLag"}),
}


def played(changes, moment, expected):
    """The test as promtool takes it (JSON is YAML): which alerts fire at the moment, by name."""
    series = [{"series": name, "values": values.replace(MINUTES, moment.removesuffix("m"))}
              for name, values in (HEALTHY | changes).items() if values is not GONE]
    samples = [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in sorted(expected)]
    return {"interval": "1m", "input_series": series, "promql_expr_test": [
        {"expr": 'count by (alertname) (ALERTS{alertstate="firing"})', "eval_time": moment, "exp_samples": samples}]}


@pytest.mark.parametrize("name", SCENARIOS)
def test_exactly_these_alerts_fire(name, tmp_path):
    file, interval = tmp_path / "scenario.yml", "5m" if SCENARIOS[name][1] == "4320m" else "1m"  # three days by the minute take half a minute
    file.write_text(json.dumps({"rule_files": [str(file) for file in RULE_FILES], "evaluation_interval": interval,
                                "tests": [played(*SCENARIOS[name])]}), encoding="utf-8")
    outcome = promtool("test", "rules", file)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def test_every_alert_has_a_scenario_where_it_fires():
    fired = set().union(*(expected for _, _, expected in SCENARIOS.values()))
    assert fired == set(alerts())


def test_every_alert_has_its_section_in_the_runbook_and_no_section_is_left_over():
    sections = set(re.findall(r"^## (Luna\w+)$", (ROOT / "docs/RUNBOOKS.md").read_text(encoding="utf-8"), re.MULTILINE))
    assert sections == set(alerts())


@pytest.mark.parametrize("name", sorted(alerts()))
def test_alert_says_what_to_do_with_it(name):
    alert = alerts()[name]
    assert alert["labels"]["severity"] in ("page", "ticket")
    assert alert["annotations"]["summary"] and alert["annotations"]["description"].endswith(".")
    assert alert["annotations"]["runbook_url"] == f"docs/RUNBOOKS.md#{name.lower()}"


@pytest.mark.parametrize("kind, file", [("config", CONF / "prometheus.yml"), ("rules", RULE_FILES[0]), ("rules", RULE_FILES[1])],
                         ids=["config", "rules", "alerts"])
def test_promtool_accepts(kind, file):
    outcome = promtool("check", kind, file)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def test_promtool_accepts_the_configuration_of_the_containers(tmp_path):
    """As it is mounted: beside the rules."""
    for file in (ROOT / "conf/docker/prometheus.yml", *RULE_FILES):
        (tmp_path / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    outcome = promtool("check", "config", tmp_path / "prometheus.yml")
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
