-- SPDX-License-Identifier: MIT
--
-- balance.fake gives what the sandbox gives, field by field, so that it cannot
-- drift; and types.lua has what it takes.
local accounts = require "sandbox.accounts"
local annotations = require "support.annotations"
local balance = require "balance"
local core = require "balance.core"
local fake = require "balance.fake"
local pages = require "support.readme"
local schema = require "balance.schema"

describe("balance.fake and the sandbox", function()
  -- Without what no two answers share, each of which must be there in both.
  local function strip(one, other)
    for _, name in ipairs { "fetched_at", "timing", "request_id",
      "RequestId" } do
      assert.equal(type(one[name]), type(other[name]), name)
      one[name], other[name] = nil, nil
    end
    for name, value in pairs(one) do
      if type(value) == "table" and type(other[name]) == "table" then
        strip(value, other[name])
      end
    end
  end

  local function compare(real, made)
    strip(real, made)
    assert.same(core.copy(real), core.copy(made))
    for name, value in pairs(real) do
      assert.equal(tostring(value):gsub("table: .*", ""),
        (tostring(made[name]):gsub("table: .*", "")), name)
    end
  end

  it("have the same results", function()
    local main = {
      tempolor = { balance = accounts.tempolor.main.balance },
      udio = { credits = 195, used_credits = 5 },
      tencent = accounts.tencent.main.amounts,
    }
    for provider, client in pairs(main) do
      compare(assert(balance[provider]()),
        assert(fake({ [provider] = client })[provider]()))
    end
    local all = core.copy(accounts.tencent.prepaid.amounts)
    compare(assert(balance.tencent {
      secret_id = accounts.tencent.prepaid.secret_id,
      secret_key = accounts.tencent.prepaid.secret_key,
    }), assert(fake({ tencent = all }):tencent()))
  end)

  local page = "<!DOCTYPE html>\n<title>%d</title>\n<h1>%d</h1>\n"
  local wait = { ["Retry-After"] = "30" }

  -- By the sandbox's cases: what each service sends, as its document has it.
  local answers = {
    refused = {
      tempolor = { body = { status = 400002, request_id = "r",
        message = "api key verification failed" } },
      udio = { status = 401, body = { code = 401,
        message = "Unauthorized: Invalid or missing API key" } },
      tencent = { body = { Response = { RequestId = "r", Error = {
        Code = "AuthFailure.SecretIdNotFound",
        Message = "The SecretId is not found" } } } },
    },
    limited = {
      tempolor = { headers = wait, body = { status = 400007, request_id = "r",
        message = "queue full or too many parallel requests" } },
      udio = { status = 429, headers = wait, body = { code = 429,
        message = "Too Many Requests: Rate limit exceeded" } },
      tencent = { headers = wait, body = { Response = { RequestId = "r",
        Error = { Code = "RequestLimitExceeded", Message =
        "The number of requests exceeds the frequency limit" } } } },
    },
    down = { status = 503, body = page:format(503, 503) },
    html = { body = page:format(200, 200),
      headers = { ["Content-Type"] = "text/html" } },
  }

  it("have the same failures", function()
    for case, given in pairs(answers) do
      for service, all in pairs(accounts) do
        local keys = { retries = 0 }
        for _, name in ipairs { "api_key", "secret_id", "secret_key" } do
          keys[name] = all[case][name]
        end
        local _, real = balance[service](keys)
        local _, made = fake({ [service] = given[service] or given })
          [service]()
        compare(assert(real), assert(made))
      end
    end
  end)
end)

describe("balance.types, of the fake,", function()
  -- Collects the rules that answers are read by.
  local function rules_of(given)
    local read, seen = schema.read, {}
    schema.read = function(what, fields, rules)
      for name, rule in pairs(rules) do
        seen[what] = seen[what] or {}
        seen[what][name] = rule
      end
      return read(what, fields, rules)
    end
    fake(given)
    schema.read = read
    return seen
  end

  it("has the fields of an answer and of a failure", function()
    local seen = rules_of { udio = { failure = { kind = "api" } },
      tencent = { status = 503 }, tempolor = function() end }
    for class, rules in pairs { FakeAnswer = seen["answer field"],
      FakeFailure = seen["failure field"] } do
      local fields = annotations.fields_of(class)
      for name, rule in pairs(rules) do
        local types = {}
        for word in rule[1]:gmatch "%l+" do
          types[word] = true
        end
        assert.same(types, annotations.lua_types(fields[name].type), name)
        assert.equal(name ~= "kind", fields[name].optional)
      end
      fields.provider = nil
      assert.same(pages.names(rules), pages.names(fields))
    end
    for name in pairs(seen["failure field"]) do
      assert.is_not_nil(annotations.fields_of("Failure")[name])
      assert.is_true(pages.quoted(pages.section
        "Testing your program")[name], name)
    end
  end)
end)
