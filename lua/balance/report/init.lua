-- SPDX-License-Identifier: MIT
--- Reports: pure functions from a monitor's snapshot to text.
-- @module balance.report

local prometheus = require "balance.report.prometheus"

return {
  --- For Prometheus; see `balance.report.prometheus`.
  prometheus = prometheus.write,

  --- The Content-Type for that.
  prometheus_type = prometheus.content_type,

  --- For Nagios and Icinga; see `balance.report.nagios`.
  nagios = require("balance.report.nagios").write,

  --- For programs; see `balance.report.json`.
  json = require("balance.report.json").write,

  --- For people, in a terminal; see `balance.report.text`.
  text = require("balance.report.text").write,

  --- For scripts; see `balance.report.plain`.
  plain = require("balance.report.plain").write,

  --- The line of each history, for people; see `balance.report.history`.
  history = require("balance.report.history").write,

  --- All samples; see `balance.report.csv`.
  csv = require("balance.report.csv").write,

  --- For people, in a browser; see `balance.report.page`.
  page = require("balance.report.page").write,

  --- Puts a report into a file; see `balance.report.file`.
  save = require("balance.report.file").save,
}
