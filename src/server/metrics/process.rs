//! Metrics of the process, under the names that the Prometheus client libraries give them.

use std::fmt;

use procfs::process::{LimitValue, Process};
use procfs::{ProcResult, boot_time_secs, page_size, ticks_per_second};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

/// Reads `/proc/self` at each scrape.
#[derive(Debug)]
pub(super) struct ProcessCollector;

struct Reading {
    cpu_seconds: f64,
    start_time_seconds: f64,
    gauges: Vec<(&'static str, &'static str, Option<Unit>, u64)>,
}

impl Reading {
    #[expect(clippy::cast_precision_loss, reason = "times in ticks and seconds are far below 2^52")]
    fn take() -> ProcResult<Self> {
        let process = Process::myself()?;
        let stat = process.stat()?;
        let seconds = |ticks: u64| ticks as f64 / ticks_per_second() as f64;
        let mut gauges = vec![
            ("open_fds", "Open file descriptors", None, process.fd_count()? as u64),
            ("threads", "Threads of the process", None, stat.num_threads.unsigned_abs()),
            ("virtual_memory", "Virtual memory", Some(Unit::Bytes), stat.vsize),
            ("resident_memory", "Resident memory", Some(Unit::Bytes), stat.rss * page_size()),
        ];
        if let LimitValue::Value(limit) = process.limits()?.max_open_files.soft_limit {
            gauges.push(("max_fds", "Limit of open file descriptors", None, limit));
        }
        Ok(Reading {
            cpu_seconds: seconds(stat.utime + stat.stime),
            start_time_seconds: boot_time_secs()? as f64 + seconds(stat.starttime),
            gauges,
        })
    }
}

impl Collector for ProcessCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        // Where /proc cannot be read, the other metrics are still useful.
        let Ok(Reading { cpu_seconds, start_time_seconds, gauges }) = Reading::take() else { return Ok(()) };
        let (seconds, help) = (Some(&Unit::Seconds), "User and system CPU time");
        let cpu = encoder.encode_descriptor("cpu", help, seconds, MetricType::Counter)?;
        ConstCounter::new(cpu_seconds).encode(cpu)?;
        let help = "Start time of the process since 1970";
        let start = encoder.encode_descriptor("start_time", help, seconds, MetricType::Gauge)?;
        ConstGauge::new(start_time_seconds).encode(start)?;
        for (name, help, unit, value) in gauges {
            let gauge = encoder.encode_descriptor(name, help, unit.as_ref(), MetricType::Gauge)?;
            ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX)).encode(gauge)?;
        }
        Ok(())
    }
}
