-- SPDX-License-Identifier: MIT
--- The records of a cache in its store: the last answer of a key, and an auth
-- failure since then, if there was one.
--
-- A record is text of two or three parts: a line with its format and its key;
-- where there is one, a line with the failure; where there is one, a line with
-- what is known of the answer, and the bytes of its body up to the end.
-- Numbers are whole, and times of the answer are in microseconds. Others may
-- write to a store: what is read is checked, and the answer is read anew by
-- its provider.
-- @module balance.record

local core = require "balance.core"
local failures = require "balance.failure"
local json = require "balance.json"
local safe = require "cjson.safe"

local _M = {}

local format = "balance 2" -- begins every record; the number is the format's
local max_body = 1024 * 1024 -- bytes, as of an answer
local max_record = max_body + 64 * 1024 -- bytes
local max_time = 253402300799 -- the end of the year 9999
local max_count = 1e6 -- of attempts
local max_offset = 86400 -- seconds
local max_us = 86400 * 1e6

local encoder = core.in_plain_locale(safe.new)

-- The line of an answer: when it came, its status, how many requests it took,
-- the correction of the clock, and its timing.
local answer_line =
  "^answer (%d+) (%d+) (%d+) (%-?%d+) (%d+) (%d+) (%d+) (%d+) (%d+)\n()"
local least = { 0, 100, 0, -max_offset, 0, 0, 0, 0, 0 }
local greatest = { max_time, 599, max_count, max_offset, max_us, max_us,
  max_us, max_us, max_us }

local function microseconds(seconds)
  return math.floor((seconds or 0) * 1e6 + 0.5)
end

local function write_answer(answer)
  local timing = answer.timing or {}
  return ("answer %d %d %d %d %d %d %d %d %d\n"):format(math.floor(answer.at),
    answer.status, answer.attempts, answer.clock_offset or 0,
    microseconds(timing.dns), microseconds(timing.connect),
    microseconds(timing.tls), microseconds(timing.first_byte),
    microseconds(timing.total)) .. answer.body
end

-- The numbers of an answer's line, in their order; nil where one is too small
-- or too big, or there is no line.
local function in_range(line)
  for place, max in ipairs(greatest) do
    local number = tonumber(line[place])
    if not number or number < least[place] or number > max then
      return nil
    end
    line[place] = number
  end
  return line
end

local function read_answer(text, from)
  local line = in_range { text:match(answer_line, from) }
  local body = line and line[#line]
  if not line or #text - body >= max_body then
    return nil
  end
  return {
    at = line[1], status = line[2], attempts = line[3],
    clock_offset = line[4] ~= 0 and line[4] or nil,
    timing = {
      dns = line[5] / 1e6, connect = line[6] / 1e6, tls = line[7] / 1e6,
      first_byte = line[8] / 1e6, total = line[9] / 1e6,
    },
    body = text:sub(body),
  }
end

-- Of a failure only these: each of its types, a number in its range.
local failure_fields = {
  message = { "string" }, request_id = { "string" }, hint = { "string" },
  code = { "string number" }, retryable = { "boolean" },
  retry_after = { "number", 0, max_offset },
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

local function write_failure(failure, at)
  local fields = {}
  for name in pairs(failure_fields) do
    fields[name] = failure[name]
  end
  local written, problem = encoder.encode(fields)
  return written and ("failure %d %s\n"):format(math.floor(at), written),
    problem
end

local function read_failure(provider, fields, secrets)
  local read = { kind = "auth" }
  for name, rule in pairs(failure_fields) do
    local value = fields[name]
    if value ~= nil and not is_right(value, rule) then
      return nil
    end
    read[name] = value
  end
  return failures.of_call(provider, read, secrets)
end

-- The last record that was read, by key, with its text. Only short records
-- without a failure, whose message depends on the caller's secrets.
local last, count = {}, 0
local max_kept, max_kept_text = 64, 4096 -- records; bytes

local function keep(key, text, record)
  if record.failure or #text > max_kept_text then
    return
  elseif not last[key] then
    count = count + 1
    if count > max_kept then
      last, count = {}, 1
    end
  end
  last[key] = { text = text, record = record }
end

--- Reads a record. It names its key: a connection to a store that two have
-- used at once may give one of them what the other asked for.
-- @tparam string text
-- @tparam string key
-- @tparam function secrets returns those that no failure may show
-- @param ... its arguments
-- @treturn ?table `answer` with `at`; `failure` and `failed_at`, Unix seconds;
-- nobody changes it, for the next may get the same; nil where it is no record,
-- or another key's
function _M.decode(text, key, secrets, ...)
  if #text > max_record then
    return nil
  end
  local known = last[key]
  if known and known.text == text then
    return known.record
  end
  local head = #format + #key + 2
  if text:sub(1, head) ~= format .. " " .. key .. "\n" then
    return nil
  end
  local record, from = {}, head + 1
  local failed_at, fields, next_line =
    text:match("^failure (%d+) ([^\n]+)\n()", from)
  if failed_at then
    fields = json.decode(fields)
    record.failed_at = tonumber(failed_at)
    record.failure = fields and record.failed_at <= max_time
      and read_failure(key:match "^balance:([^:]*)", fields,
        secrets(...))
    from = next_line
  end
  if from <= #text then
    record.answer = read_answer(text, from)
  end
  local is_whole = (record.failure or not failed_at)
    and (record.answer or failed_at and from > #text)
  if not is_whole then
    return nil
  end
  keep(key, text, record)
  return record
end

--- Writes a record.
-- @tparam string key that it is kept under
-- @tparam table record as of `decode`
-- @treturn ?string
-- @treturn ?string where that is nil, why
function _M.encode(key, record)
  local parts = { format .. " " .. key .. "\n" }
  if record.failure then
    local line, problem = write_failure(record.failure, record.failed_at)
    if not line then
      return nil, problem
    end
    parts[#parts + 1] = line
  end
  if record.answer then
    if #record.answer.body > max_body then
      return nil, "it is longer than " .. max_body .. " bytes"
    end
    parts[#parts + 1] = write_answer(record.answer)
  end
  return table.concat(parts)
end

return _M
