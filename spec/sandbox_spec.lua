-- SPDX-License-Identifier: MIT
-- The sandbox refuses what the services refuse. Requests are signed by its own
-- code, not by the module's.
local accounts = require "sandbox.accounts"
local balance = require "balance"
local cases = require "sandbox.cases"
local faults = require "support.faults"
local pages = require "support.readme"
local process = require "support.process"
local reference = require "sandbox.tc3"

local endpoint = os.getenv "TENCENT_ENDPOINT"
local ca_file = os.getenv "SSL_CERT_FILE"

local function fetch(path, headers, body)
  local result = faults.fetch(path, {
    endpoint = endpoint, ca_file = ca_file, headers = headers, body = body,
  })
  return result.status, result.body
end

-- A right request, but for the changes: false leaves a header out.
local function tencent(changes, body)
  local account = changes.account or accounts.tencent.bench
  local timestamp = os.time() + (changes.off or 0)
  local headers = {
    ["Content-Type"] = "application/json", ["X-TC-Timestamp"] =
      ("%d"):format(timestamp), ["X-TC-Token"] = account.token,
    ["X-TC-Action"] = "DescribeAccountBalance",
    ["X-TC-Version"] = "2018-07-09",
  }
  for name, value in pairs(changes.headers or {}) do
    headers[name] = value or nil
  end
  local signed = { host = endpoint:match("//(.*)"),
    ["content-type"] = headers["Content-Type"] }
  local scope = reference.scope(timestamp, "billing")
  local names = changes.names or { "content-type", "host" }
  headers.Authorization = ("TC3-HMAC-SHA256 Credential=%s/%s, "
    .. "SignedHeaders=%s, Signature=%s"):format(
    changes.secret_id or account.secret_id, scope, table.concat(names, ";"),
    reference.signature(account.secret_key, scope, reference.string_to_sign(
      timestamp, scope, reference.canonical_request("POST", "/", "", signed,
        { "content-type", "host" }, body or "{}"))))
  if changes.authorization then
    headers.Authorization = changes.authorization
  end
  local _, answer = fetch("/", headers, body or "{}")
  return answer:match('"Code":"([%w.]+)"') or "none", answer
end

describe("the sandbox's Tencent", function()
  it("answers a request that is right", function()
    assert.equal("none", (tencent {}))
    assert.equal("none", (tencent { account = accounts.tencent.temporary }))
    assert.equal("none", (tencent({}, '{"TempCredit":false}')))
  end)

  it("refuses what the service refuses, by its code", function()
    for expected, changes in pairs {
      ["InvalidAction"] = { headers = { ["X-TC-Action"] = "Describe" } },
      ["NoSuchVersion"] = { headers = { ["X-TC-Version"] = "2017-03-12" } },
      ["AuthFailure.SignatureExpire"] = { off = 400 },
      ["AuthFailure.SecretIdNotFound"] = { secret_id = "AKIDnobody" },
      ["AuthFailure.InvalidAuthorization"] = { authorization = "Bearer x" },
      ["AuthFailure.TokenFailure"] = { headers = { ["X-TC-Token"] = "x" } },
    } do
      assert.equal(expected, (tencent(changes)))
    end
    assert.equal("AuthFailure.SignatureExpire", (tencent { off = -400 }))
    assert.equal("none", (tencent { off = -200 }))
    assert.equal("AuthFailure.InvalidAuthorization",
      (tencent { names = { "host" } }))
    for _, name in ipairs { "Action", "Version", "Timestamp" } do
      local code, answer = tencent { headers = { ["X-TC-" .. name] = false } }
      assert.equal("MissingParameter", code)
      assert.matches("X%-TC%-" .. name, answer)
    end
  end)

  it("wants a body that is an object with known parameters", function()
    for body, expected in pairs {
      [""] = "InvalidParameter", ["[]"] = "InvalidParameter",
      ["null"] = "InvalidParameter", ["{"] = "InvalidParameter",
      ['{"Limit":1}'] = "UnknownParameter",
      ['{"TempCredit":1}'] = "InvalidParameterValue",
    } do
      assert.equal(expected, (tencent({}, body)), body)
    end
  end)
end)

describe("the sandbox's TemPolor", function()
  local function call(headers, body)
    local status, answer = fetch("/open-apis/v1/account/billing", headers,
      body)
    return tonumber(answer:match('"status":(%d+)')) or status
  end
  local key = accounts.tempolor.main.api_key

  it("takes a POST of {} in JSON with the bare key, and nothing else",
    function()
      local json = "application/json; charset=utf-8"
      assert.equal(200000,
        call({ Authorization = key, ["Content-Type"] = json }, "{}"))
      assert.equal(400002, call({ Authorization = "Bearer " .. key,
        ["Content-Type"] = json }, "{}"))
      assert.equal(400002, call({ ["Content-Type"] = json }, "{}"))
      assert.equal(400003,
        call({ Authorization = key, ["Content-Type"] = json }, ""))
      assert.equal(400003, call({ Authorization = key,
        ["Content-Type"] = "text/plain" }, "{}"))
      assert.equal(405, call { Authorization = key })
    end)
end)

describe("the sandbox's Udio", function()
  local function call(headers, body)
    return (fetch("/api/v2/credits", headers, body))
  end
  local key = accounts.udio.main.api_key

  it("takes a GET with the key as Bearer, and nothing else", function()
    assert.equal(200, call { Authorization = "Bearer " .. key })
    assert.equal(401, call { Authorization = key })
    assert.equal(401, call { Authorization = "Bearer x" })
    assert.equal(401, call {})
    assert.equal(405, call({ Authorization = "Bearer " .. key }, "{}"))
  end)
end)

describe("a key of the sandbox", function()
  -- Asks all three services, each with its key of a case.
  local function ask(case, options)
    local asked = {}
    for service, all in pairs(accounts) do
      local own = { retries = 0, timeout = 60 }
      for _, name in ipairs { "api_key", "secret_id", "secret_key" } do
        own[name] = all[case][name]
      end
      for name, value in pairs(options or {}) do
        own[name] = value
      end
      asked[service] = own
    end
    return balance.all(asked)
  end

  local function refuses(case, kind, options)
    local results, failures = ask(case, options)
    assert.is_nil(next(results), case)
    for service in pairs(accounts) do
      assert.equal(kind, failures[service].kind, service)
    end
    return failures
  end

  local function has(case, amount)
    local results, failures = ask(case)
    assert.is_nil(next(failures))
    for service in pairs(accounts) do
      assert.equal(amount, results[service].available, service)
    end
    return results
  end

  it("is in the README", function()
    assert.matches("\n    UDIO_API_KEY=" .. accounts.udio.low.api_key .. " ",
      pages.section "The sandbox", 1, true)
  end)

  it("chooses an account that is empty, or nearly", function()
    has("empty", 0)
    has("low", 3)
  end)

  it("chooses a refusal, with the service's own code", function()
    local failures = refuses("refused", "auth")
    assert.equal(400002, failures.tempolor.code)
    assert.equal(401, failures.udio.code)
    assert.equal(401, failures.udio.status)
    assert.equal("AuthFailure.SecretIdNotFound", failures.tencent.code)
  end)

  it("chooses a rate limit, with Retry-After", function()
    local failures = refuses("limited", "rate_limit")
    assert.equal(400007, failures.tempolor.code)
    assert.equal(429, failures.udio.status)
    assert.equal("RequestLimitExceeded", failures.tencent.code)
    for _, failure in pairs(failures) do
      assert.equal(30, failure.retry_after)
    end
  end)

  it("chooses a service that is down, or a page of HTML", function()
    for _, failure in pairs(refuses("down", "http")) do
      assert.equal(503, failure.status)
      assert.is_true(failure.retryable)
    end
    for _, failure in pairs(refuses("html", "decode")) do
      assert.equal(200, failure.status)
    end
  end)

  it("chooses an answer that is slow, or none", function()
    for _, result in pairs(has("slow", 500)) do
      assert.is_true(result.timing.total > 1.9, result.timing.total)
    end
    refuses("hanging", "timeout", { timeout = 1 })
  end)

  it("of Tencent does not replace the signature", function()
    assert.equal("AuthFailure.SignatureFailure", select(2, balance.tencent {
      secret_id = accounts.tencent.low.secret_id,
      secret_key = "Zz9NotTheKeyOfTheAccount",
    }).code)
  end)

  it("loses to a header", function()
    local status = fetch("/api/v2/credits", {
      Authorization = "Bearer " .. accounts.udio.down.api_key,
      ["X-Sandbox-Answer"] = "http-502",
    })
    assert.equal(502, status)
  end)
end)

describe("the sandbox's directory", function()
  it("has the CA for other users, and nothing else", function()
    local output = process.run("find " .. process.quote(
      os.getenv "SANDBOX_DIR") .. " -perm /077 -printf '%m %P\\n' | sort")
    assert.equal("644 ca.pem\n711 \n", output)
  end)

  it("is no reason to hide what a command in the sandbox makes", function()
    local output = process.run(
      "umask 027; spec/sandbox/sandbox exec sh -c umask")
    assert.equal("0027\n", output)
  end)
end)

describe("make sandbox", function()
  it("prints what to export, runs until Ctrl-C, and leaves nothing",
    function()
      local path = os.tmpname()
      process.write(path, "")
      local server = process.start(("exec spec/sandbox/sandbox serve >%s 2>&1")
        :format(process.quote(path)))
      local text = ""
      for _ = 1, 500 do
        text = process.read(path)
        if text:find("accounts.lua", 1, true) then
          break
        end
        process.sleep(0.02)
      end
      local output, status = process.run(("sh -c '. %s; echo $SANDBOX_DIR;"
        .. " %s -e \"print(require([[balance]]).udio().credits)\"'"):format(
        path, process.lua))
      assert.equal(0, status, output)
      local directory, credits = output:match("^(%S+)\n(%S+)\n$")
      assert.equal(tostring(accounts.udio.main.credits), credits)
      for _, name in ipairs { "TEMPOLOR_ENDPOINT", "UDIO_ENDPOINT",
        "TENCENT_ENDPOINT", "TEMPOLOR_API_KEY", "UDIO_API_KEY",
        "TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY",
        "SSL_CERT_FILE" } do
        assert.matches("export " .. name .. "=%S", text)
      end
      for _, case in ipairs(cases) do
        for _, all in pairs(accounts) do
          local account = all[case.name]
          assert.matches(("#   %s +%s\n"):format(
            (account.api_key or account.secret_id):gsub("%-", "%%-"),
            (case.says:gsub("%-", "%%-"))), text)
        end
      end
      server.stop()
      os.remove(path)
      assert.not_equal(0, select(2, process.run("ls " .. directory)))
    end)
end)
