-- SPDX-License-Identifier: MIT
--
-- Reports for machines and terminals; Nagios and the page have their own specs.
local balance = require "balance"
local cjson = require "cjson"
local process = require "support.process"
local prometheus = require "balance.report.prometheus"
local report = require "balance.report"
local snapshots = require "support.snapshots"
local words = require "balance.report.words"

-- A snapshot of one account.
local function of(changes)
  return snapshots.of { snapshots.account(changes) }
end

describe("report.prometheus()", function()
  -- The samples by what stands before their value.
  local function samples_of(snapshot)
    local samples = {}
    for line in report.prometheus(snapshot):gmatch "[^\n]+" do
      local name, value = line:match "^(%l[^#]*) (%S+)$"
      if name then
        assert.is_nil(samples[name], name)
        samples[name] = value
      end
    end
    return samples
  end

  it("has the metrics of an account, with its labels", function()
    local samples = samples_of(of { alarms = { min = { state = "low" },
      auth = { state = "ok" } }, failures = { timeout = 2, dns = 1 } })
    local labels = '{account="udio",provider="udio"'
    assert.same({
      ["balance_credits" .. labels .. "}"] = "4528",
      ["balance_up" .. labels .. "}"] = "1",
      ["balance_last_success_timestamp_seconds" .. labels .. "}"] =
        ("%d"):format(snapshots.now - 60),
      ["balance_failures_total" .. labels .. ',kind="dns"}'] = "1",
      ["balance_failures_total" .. labels .. ',kind="timeout"}'] = "2",
      ["balance_fetch_duration_seconds" .. labels .. "}"] = "0.182",
      ["balance_time_to_empty_seconds" .. labels .. "}"] = "4075200",
      ["balance_alarm" .. labels .. ',alarm="auth"}'] = "0",
      ["balance_alarm" .. labels .. ',alarm="min"}'] = "1",
      ["balance_info" .. labels .. ',unit="credit",available_from="credits"}']
        = "1",
      ['balance_build_info{version="' .. balance._VERSION .. '"}'] = "1",
    }, samples)
  end)

  it("has an amount in its unit", function()
    for name, changes in pairs {
      ['balance_amount{account="udio",provider="udio",currency="USD"} 185.25']
        = { unit = "cent", currency = "USD", available = 18525 },
      ['balance_amount{account="udio",provider="udio",currency="EUR"} 3.5'] =
        { unit = "EUR", available = 3.5 },
      ['balance_units{account="udio",provider="udio",unit="character"} 7'] =
        { unit = "character", available = 7 },
      ['balance_units{account="udio",provider="udio",unit="cent"} 7'] =
        { unit = "cent", available = 7 },
      ['balance_credits{account="udio",provider="udio"} 100000000000000000000']
        = { available = 1e20 },
      ['balance_credits{account="udio",provider="udio"} -0.0000001'] =
        { available = -1e-7 },
    } do
      assert.is_truthy(report.prometheus(of(changes)):find(name .. "\n", 1,
        true), name)
    end
  end)

  it("has no sample of what is not known, and `up` is 0", function()
    local labels = '{account="new",provider="udio"'
    local samples = samples_of(snapshots.of { snapshots.never_asked() })
    assert.equal("0", samples["balance_up" .. labels .. "}"])
    for name in pairs(samples) do
      assert.is_truthy(name:find "^balance_up" or name:find "^balance_info"
        or name:find "^balance_build", name)
    end
  end)

  it("keeps an old amount, and says when it was read", function()
    local samples = samples_of(of { is_up = false, is_stale = true,
      fetched_at = 1790000000 })
    local labels = '{account="udio",provider="udio"}'
    assert.equal("4528", samples["balance_credits" .. labels])
    assert.equal("0", samples["balance_up" .. labels])
    assert.equal("1790000000",
      samples["balance_last_success_timestamp_seconds" .. labels])
  end)

  it("has HELP and TYPE once, before all samples of a metric", function()
    local text = report.prometheus(snapshots.of_all_states())
    local seen, current = {}, nil
    for line in text:gmatch "[^\n]+" do
      local kind, name = line:match "^# (%u+) (%S+) "
      if kind == "HELP" then
        assert.is_nil(seen[name])
        seen[name], current = true, name
      elseif not kind then
        assert.equal(current, line:match "^[%l_]+")
      end
    end
    for name in pairs(seen) do
      assert.is_truthy((" " .. table.concat(prometheus.names(), " ") .. " ")
        :find(" " .. name .. " ", 1, true), name)
    end
    assert.equal("\n", text:sub(-1))
  end)

  it("escapes what stands in a label", function()
    local text = report.prometheus(of { name = '"a"\\b\255' })
    assert.is_truthy(text:find([[{account="\"a\"\\b?",]], 1, true), text)
    text = report.prometheus(of { unit = "cent", currency = 'U"S\nD' })
    assert.is_truthy(text:find([[,currency="U\"S D"}]], 1, true), text)
  end)
end)

describe("report.json()", function()
  it("is one document with all that is known", function()
    local snapshot = snapshots.of_all_states()
    snapshot.problem = "no store"
    local document = cjson.decode(report.json(snapshot))
    assert.equal(1, document.version)
    assert.equal(snapshots.now, document.at)
    assert.equal("no store", document.problem)
    local cloud = document.accounts.production
    assert.equal(cloud.available, tonumber(cloud.available_text))
    assert.equal("18525.00", cloud.amount)
    assert.equal("USD", cloud.amount_unit)
    assert.equal("udio", document.accounts.songs.provider)
    assert.equal("low", document.accounts.songs.state)
    assert.equal("776.56", document.accounts.tempolor.available_text)
    assert.equal("auth", document.accounts.revoked.failure.kind)
    assert.equal("connection refused",
      document.accounts.away.undelivered.unknown.message)
    local history = document.accounts.songs.history
    assert.equal(168, #history)
    assert.equal(200, history[88][3])
    local new = document.accounts.new
    for _, name in ipairs { "available", "available_text", "amount",
      "history", "failure" } do
      assert.is_nil(new[name], name)
    end
  end)

  it("has exact amounts as text", function()
    local large = math.tointeger and math.tointeger "9007199254740993"
      or 2 ^ 53
    local document = cjson.decode(report.json(of { available = large }))
    assert.equal(words.decimal(large), document.accounts.udio.available_text)
  end)

  it("is UTF-8, whatever a name is", function()
    local list = {}
    for i, name in ipairs(snapshots.hostile) do
      list[i] = snapshots.account { name = name, failure = { kind = "api",
        message = name } }
    end
    local text = report.json(snapshots.of(list))
    assert.is_nil(text:find "[%z\1-\31\255]")
    local document = cjson.decode(text)
    assert.equal("it's|a=b;c",
      document.accounts["it's|a=b;c"].failure.message)
  end)
end)

describe("report.text()", function()
  it("is a table, and what went wrong beneath", function()
    local snapshot = snapshots.of_all_states()
    snapshot.problem = "the store: no"
    local text = report.text(snapshot)
    local lines = {}
    for line in text:gmatch "[^\n]+" do
      lines[#lines + 1] = line
    end
    assert.equal("account               left     per day         empty in"
      .. "           as of  state", lines[1])
    assert.equal("songs           40 credits  96 credits         10 hours"
      .. "  60 seconds ago  low", lines[3])
    assert.matches("^new +unknown +- +not enough data +never  unknown$",
      lines[9])
    assert.equal("away: timeout: no answer within 10 s", lines[10])
    assert.equal("away: nobody was told of 'unknown': connection refused",
      lines[11])
    assert.equal("revoked: auth: Invalid API key", lines[12])
    assert.equal("  give the key alone", lines[13])
    assert.equal("the store: no", lines[14])
  end)

  it("is aligned with wide characters, too, and free of control", function()
    local text = report.text(snapshots.of {
      snapshots.account { name = "\229\155\158\230\148\190" },
      snapshots.account { name = "\195\169t\195\169" },
      snapshots.account { name = "a\27[31m" },
    })
    assert.is_nil(text:find "\27")
    local lines = {}
    for line in text:gmatch "[^\n]+" do
      lines[#lines + 1] = line
    end
    assert.matches("^\229\155\158\230\148\190     4528", lines[2])
    assert.matches("^\195\169t\195\169      4528", lines[3])
  end)
end)

describe("report.save()", function()
  local dir

  before_each(function()
    dir = process.run("mktemp -d"):gsub("%s+$", "")
  end)

  after_each(function()
    process.run("rm -r " .. dir)
  end)

  it("replaces a file as a whole, and leaves nothing beside it", function()
    local path = dir .. "/balance.prom"
    assert.is_true(report.save(path, "one\n"))
    assert.is_true(report.save(path, "two\n"))
    assert.equal("two\n", process.read(path))
    assert.equal("balance.prom\n", (process.run("ls -A " .. dir)))
  end)

  it("returns why it cannot, and keeps what was there", function()
    local ok, err = report.save(dir .. "/none/balance.prom", "x")
    assert.is_nil(ok)
    assert.matches("No such file", err)
    process.run("mkdir " .. dir .. "/balance.prom")
    ok, err = report.save(dir .. "/balance.prom", "x")
    assert.is_nil(ok)
    assert.is_string(err)
    assert.equal("balance.prom\n", (process.run("ls -A " .. dir)))
  end)

  it("raises a mistake at the caller's line, and writes nothing", function()
    for _, path in ipairs { dir .. "/balance.prom", false } do
      local ok, err = pcall(function()
        local saved = report.save(path, path and 7)
        return saved
      end)
      assert.is_false(ok)
      assert.matches("report_spec.lua:%d+: balance.report.file: ", err)
    end
    assert.equal("", (process.run("ls -A " .. dir)))
  end)
end)

describe("words", function()
  it("write numbers plainly and exactly", function()
    for expected, number in pairs { ["0"] = 0, ["776.56"] = 776.56,
      ["0.30000000000000004"] = 0.1 + 0.2, ["-12345"] = -12345,
      ["10000000000000000000000"] = 1e22, ["0.0000001"] = 1e-7 } do
      assert.equal(expected, words.decimal(number))
    end
  end)

  it("write cents in their currency, where that is known", function()
    local cents = { unit = "cent", currency = "USD" }
    for expected, value in pairs { ["0.05 USD"] = 5, ["0.00 USD"] = 0,
      ["-123.45 USD"] = -12345, ["1.005 USD"] = 100.5 } do
      assert.equal(expected, words.phrase(cents, value))
    end
    assert.equal("5 cents", words.phrase({ unit = "cent" }, 5))
    assert.equal("1 credit", words.phrase({ unit = "credit" }, 1))
    assert.equal("7 character", words.phrase({ unit = "character" }, 7))
  end)

  it("write durations in one unit, and times in UTC", function()
    for expected, seconds in pairs { ["0 seconds"] = 0,
      ["1 second"] = 1.9, ["119 seconds"] = 119.9, ["2 minutes"] = 120,
      ["119 minutes"] = 7199,
      ["2 hours"] = 7200, ["47 hours"] = 172799, ["2 days"] = 172800 } do
      assert.equal(expected, words.duration(seconds))
    end
    assert.equal("2026-11-18T11:06:40Z", words.time(1795000000.9))
  end)
end)
