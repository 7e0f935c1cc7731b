-- SPDX-License-Identifier: MIT
--- The records of a cache in its store: the last answer of a key, and the
-- failure of the last refresh, if it failed.
--
-- A record is text: a line with its format and its key; where there is one, a
-- line with the failure; where there is one, the headers of the answer that
-- its provider reads, a line with what else is known of the answer, and the
-- bytes of its body up to the end. Numbers are whole, and times are in
-- microseconds. Others may write to a store: what is read is checked, and the
-- answer is read anew by its provider.
-- @module balance.record

local core = require "balance.core"
local failures = require "balance.failure"
local json = require "balance.json"
local safe = require "cjson.safe"
local text = require "balance.text"

local _M = {}

--- The kinds of failures that a record may have: those of the service, and of
-- the way to it. The others are of this process alone.
_M.kinds = {
  dns = true, connect = true, tls = true, timeout = true, network = true,
  auth = true, rate_limit = true, api = true, http = true, decode = true,
  too_large = true,
}

local format = "balance 3" -- begins every record; the number is the format's
local max_body = 1024 * 1024 -- bytes, as of an answer
local max_headers = 64 * 1024 -- bytes of names and values, as of an answer
local max_record = max_body + max_headers + 64 * 1024 -- bytes
local max_time = 253402300799 * 1e6 -- the end of the year 9999
local max_count = 1e6 -- of attempts, of failures
local max_offset = 86400 -- seconds
local max_us = 86400 * 1e6

local encoder = core.in_plain_locale(safe.new)

-- The line of an answer: when it came, its status, how many requests it took,
-- the correction of the clock, its timing, and for how long somebody wants it.
local answer_line =
  "^answer (%d+) (%d+) (%d+) (%-?%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+)\n()"
local least = { 0, 100, 0, -max_offset, 0, 0, 0, 0, 0, 0 }
local greatest = { max_time, 599, max_count, max_offset, max_us, max_us,
  max_us, max_us, max_us, max_time }

-- The line of a failure: when it came, how long nobody asks again, how many
-- there were in a row, how much time the request had, and its fields.
local failure_line = "^failure (%d+) (%d+) (%d+) (%d+) ([^\n]+)\n()"
local greatest_of_failure = { max_time, max_us, max_count, max_us }

local function microseconds(seconds)
  return math.floor((seconds or 0) * 1e6 + 0.5)
end

local function write_answer(answer)
  local timing = answer.timing or {}
  return ("answer %.0f %d %d %d %d %d %d %d %d %.0f\n"):format(
    microseconds(answer.at), answer.status, answer.attempts,
    answer.clock_offset or 0, microseconds(timing.dns),
    microseconds(timing.connect), microseconds(timing.tls),
    microseconds(timing.first_byte), microseconds(timing.total),
    math.min(microseconds(answer.lifetime), max_time)) .. answer.body
end

-- The numbers of a line, in their order; nil where one is too small or too
-- big, or there is no line.
local function in_range(line, min, max)
  for place = 1, #max do
    local number = tonumber(line[place])
    if not number or number < (min[place] or 0) or number > max[place] then
      return nil
    end
    line[place] = number
  end
  return line
end

-- Each header is a line with two lengths, and then the name and the value.
local function write_headers(headers)
  local parts, size = {}, 0
  for name, value in pairs(headers or {}) do
    if type(name) ~= "string" or type(value) ~= "string" then
      return nil, "its headers are not text"
    end
    size = size + #name + #value
    parts[#parts + 1] = ("header %d %d\n"):format(#name, #value) .. name
      .. value .. "\n"
  end
  if size > max_headers then
    return nil, "its headers are longer than " .. max_headers .. " bytes"
  end
  return table.concat(parts)
end

-- Returns the headers, nil where there are none, and where the rest begins;
-- false where they are not as they should be.
local function read_headers(record, from)
  local headers, size = nil, 0
  while true do
    local of_name, of_value, start =
      record:match("^header (%d%d?%d?%d?%d?) (%d%d?%d?%d?%d?)\n()", from)
    if not start then
      return headers, from
    end
    local value = start + tonumber(of_name)
    from = value + tonumber(of_value)
    local name = record:sub(start, value - 1)
    size = size + from - start
    if size > max_headers or name == "" or name ~= text.lower(name)
      or record:byte(from) ~= 10 then
      return false
    end
    headers = headers or {}
    headers[name], from = record:sub(value, from - 1), from + 1
  end
end

local function read_answer(record, from)
  local headers, start = read_headers(record, from)
  local line = headers ~= false
    and in_range({ record:match(answer_line, start) }, least, greatest)
  local body = line and line[#line]
  if not line or #record - body >= max_body then
    return nil
  end
  return {
    at = line[1] / 1e6, status = line[2], attempts = line[3],
    clock_offset = line[4] ~= 0 and line[4] or nil, headers = headers,
    timing = {
      dns = line[5] / 1e6, connect = line[6] / 1e6, tls = line[7] / 1e6,
      first_byte = line[8] / 1e6, total = line[9] / 1e6,
    },
    lifetime = line[10] / 1e6,
    body = record:sub(body),
  }
end

-- Of a failure only these: each of its types, a number in its range. How long
-- to wait is a time of the record.
local failure_fields = {
  kind = { "string" }, message = { "string" }, request_id = { "string" },
  hint = { "string" }, code = { "string number" },
  retryable = { "boolean" },
  status = { "number", 100, 599, is_whole = true },
  attempts = { "number", 0, max_count, is_whole = true },
}

local function is_right(value, rule)
  if not rule[1]:find(type(value), 1, true) then
    return false
  elseif type(value) ~= "number" or not rule[2] then
    return true
  end
  return value >= rule[2] and value <= rule[3]
    and (not rule.is_whole or value % 1 == 0)
end

local function write_failure(record)
  local fields = {}
  for name in pairs(failure_fields) do
    fields[name] = record.failure[name]
  end
  local written, problem = encoder.encode(fields)
  return written and ("failure %.0f %.0f %d %.0f %s\n"):format(
    microseconds(record.failed_at), microseconds(record.pause),
    record.failures, microseconds(record.seconds), written), problem
end

local function read_fields(provider, fields, secrets)
  local read = {}
  for name, rule in pairs(failure_fields) do
    local value = fields[name]
    if value ~= nil and not is_right(value, rule) then
      return nil
    end
    read[name] = value
  end
  return _M.kinds[read.kind] and failures.of_call(provider, read, secrets)
end

-- Returns the part of a record with a failure, nothing in it where it has
-- none, and where the rest begins; nil where the failure is not as it should
-- be.
local function read_failure(record, from, key, secrets, ...)
  local failed_at, pause, count, seconds, fields, rest =
    record:match(failure_line, from)
  if not rest then
    return {}, from
  end
  local line =
    in_range({ failed_at, pause, count, seconds }, {}, greatest_of_failure)
  fields = line and json.decode(fields)
  local failure = fields
    and read_fields(key:match "^balance:([^:]*)", fields, secrets(...))
  return failure and {
    failure = failure, failed_at = line[1] / 1e6, pause = line[2] / 1e6,
    failures = line[3], seconds = line[4] / 1e6,
  }, rest
end

-- The last record that was read, by key, with its text. Only short records
-- without a failure, whose message depends on the caller's secrets.
local last, count = {}, 0
local max_kept, max_kept_text = 256, 4096 -- records; bytes

local function keep(key, written, record)
  if record.failure or #written > max_kept_text then
    return
  elseif not last[key] then
    count = count + 1
    if count > max_kept then
      last, count = {}, 1
    end
  end
  last[key] = { text = written, record = record }
end

--- The record that was read last under a key, whatever the store has now.
-- @tparam string key
-- @treturn ?table as of `decode`
function _M.last(key)
  return last[key] and last[key].record
end

--- The record that was read last under a key, where it was this one.
-- @tparam string key
-- @param written
-- @treturn ?table as of `decode`
function _M.known(key, written)
  local known = last[key]
  return known and known.text == written and known.record or nil
end

--- Reads a record. It names its key: a connection to a store that two have
-- used at once may give one of them what the other asked for.
-- @tparam string written
-- @tparam string key
-- @tparam function secrets returns those that no failure may show
-- @param ... its arguments
-- @treturn ?table `answer` with `at` and `lifetime`; `failure`, `failed_at`, for
-- how long it is the answer (`pause`), how many there were in a row
-- (`failures`), and how much time the request had (`seconds`). Times are
-- seconds. The next may get the same: nobody changes it, but for `copy` of the
-- answer, which is the cache's; nil where it is no record, or another key's
function _M.decode(written, key, secrets, ...)
  if #written > max_record then
    return nil
  end
  local known = _M.known(key, written)
  if known then
    return known
  end
  local head = #format + #key + 2
  if written:sub(1, head) ~= format .. " " .. key .. "\n" then
    return nil
  end
  local record, from =
    read_failure(written, head + 1, key, secrets, ...)
  if not record then
    return nil
  end
  if from <= #written or not record.failure then
    record.answer = read_answer(written, from)
    if not record.answer then
      return nil
    end
  end
  keep(key, written, record)
  return record
end

--- Writes a record.
-- @tparam string key that it is kept under
-- @tparam table record as of `decode`
-- @treturn ?string
-- @treturn ?string where that is nil, why
function _M.encode(key, record)
  local parts, answer = { format .. " " .. key .. "\n" }, record.answer
  if record.failure then
    local line, problem = write_failure(record)
    if not line then
      return nil, problem
    end
    parts[#parts + 1] = line
  end
  if answer then
    local headers, problem = write_headers(answer.headers)
    if not headers then
      return nil, problem
    elseif #answer.body > max_body then
      return nil, "it is longer than " .. max_body .. " bytes"
    end
    parts[#parts + 1] = headers .. write_answer(answer)
  end
  return table.concat(parts)
end

return _M
