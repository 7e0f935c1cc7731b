-- SPDX-License-Identifier: MIT
--
-- The examples and the demo, run as a reader runs them, in processes of their
-- own. The sandbox's main account of Tencent has a limit of 20 requests a
-- second. Where the balance does not matter, the one without a limit is used.
local accounts = require "sandbox.accounts"
local copas = require "support.copas"
local process = require "support.process"

local bench = ("TENCENTCLOUD_SECRET_ID=%s TENCENTCLOUD_SECRET_KEY=%s"):format(
  accounts.tencent.bench.secret_id, accounts.tencent.bench.secret_key)

-- No run prints a key, its own or a wrong one.
local keys = { "a-wrong-key" }
for _, service in pairs(accounts) do
  for _, account in pairs(service) do
    for _, name in ipairs { "api_key", "secret_id", "secret_key", "token" } do
      keys[#keys + 1] = account[name]
    end
  end
end

-- Runs a script; `words` are its arguments and redirections, `setting` the
-- variables before the command. Returns its output and its exit status.
local function run(script, words, setting)
  local output, status = process.run(("%s %s %s %s"):format(
    setting or "", process.lua, script, words or ""))
  for _, key in ipairs(keys) do
    assert.is_nil(output:find(key, 1, true), output)
  end
  return output, status
end

local function contains(text, output)
  assert.is_not_nil(output:find(text, 1, true), output)
end

describe("examples/quickstart.lua", function()
  local script = "examples/quickstart.lua"

  it("prints the three balances #matrix", function()
    local output, status = run(script)
    assert.equal(table.concat({
      "TemPolor\t" .. accounts.tempolor.main.balance,
      ("Udio\t%d\t%d used"):format(accounts.udio.main.credits,
        accounts.udio.main.used_credits),
      "Tencent\t100000000.00",
      "\t2000.00 until 2026-11-16 00:00:00",
      "",
    }, "\n"), output)
    assert.equal(0, status)
  end)

  it("says that a count which is not sent is not known", function()
    local output = run(script, "", bench .. " UDIO_API_KEY="
      .. accounts.udio.unused.api_key)
    contains("Udio\t200\t? used\n", output)
  end)

  it("prints the others and fails where one cannot be had", function()
    local output, status = run(script, "",
      bench .. " UDIO_API_KEY=a-wrong-key")
    contains("TemPolor\t776.56\n", output)
    contains("udio: auth: ", output)
    contains("Tencent\t42.00\n", output)
    assert.equal(1, status)
  end)

  it("says what to do where there is no key, and where to ask again",
    function()
      local output, status = run(script, "", "env -u UDIO_API_KEY " .. bench
        .. " TEMPOLOR_ENDPOINT=http://127.0.0.1:1")
      contains("udio: config: ", output)
      contains("nothing was sent", output)
      contains("tempolor: connect: ", output)
      contains("asking again later can help", output)
      assert.equal(1, status)
    end)
end)

describe("examples/sign_any_tencent_api.lua", function()
  local script = "examples/sign_any_tencent_api.lua"

  it("gets an answer that is signed for #matrix", function()
    local output, status = run(script, "", bench)
    assert.matches('"RealBalance":4200[,}]', output)
    assert.equal(0, status)
  end)

  it("takes service, action, version, region and payload as arguments",
    function()
      local output, status = run(script,
        "billing DescribeAccountBalance 2018-07-09 ap-singapore "
        .. process.quote '{"TempCredit": true,\t"Foo\\"":\n"\\\\"}', bench)
      contains('UnknownParameter: Unknown parameter: Foo" (request ', output)
      assert.equal(1, status)
      output, status = run(script, "billing Describe 2018-07-09", bench)
      contains("InvalidAction: ", output)
      assert.equal(1, status)
      output, status = run(script, "cvm", bench) -- which is not its name here
      contains("AuthFailure.SignatureFailure: ", output)
      assert.equal(1, status)
    end)

  it("sends the token of temporary keys", function()
    local account = accounts.tencent.temporary
    local output, status = run(script, "",
      ("TENCENTCLOUD_SECRET_ID=%s TENCENTCLOUD_SECRET_KEY=%s "
        .. "TENCENTCLOUD_TOKEN=%s"):format(account.secret_id,
        account.secret_key, account.token))
    assert.matches('"RealCreditBalance":305000[,}]', output)
    assert.equal(0, status)
  end)

  it("fails with a wrong key, without one, and without an answer",
    function()
      local output, status = run(script, "",
        "TENCENTCLOUD_SECRET_KEY=a-wrong-key")
      contains("AuthFailure.SignatureFailure: ", output)
      assert.equal(1, status)
      output, status = run(script, "", "env -u TENCENTCLOUD_SECRET_KEY")
      contains("TENCENTCLOUD_SECRET_KEY is not set\n", output)
      assert.equal(1, status)
      output, status = run(script, "", "TENCENT_ENDPOINT=http://127.0.0.1:1")
      contains("no answer that one could read\n", output)
      assert.equal(1, status)
    end)

  it("shows no secret in the arguments of curl", function()
    local directory = os.tmpname()
    os.remove(directory)
    assert.equal("", (process.run("mkdir " .. directory)))
    process.write(directory .. "/curl", ('#!/bin/sh\nprintf "%%s " "$@" '
      .. '>"%s/arguments"\nPATH=${PATH#*:}\nexec curl "$@"\n'):format(
      directory))
    process.run("chmod +x " .. directory .. "/curl")
    local _, status = run(script, "",
      ('PATH="%s:$PATH" %s'):format(directory, bench))
    local arguments = process.read(directory .. "/arguments")
    process.run("rm -r " .. directory)
    assert.equal("--disable --config - ", arguments)
    assert.equal(0, status)
  end)
end)

describe("examples/copas_loop.lua", function()
  local script = "examples/copas_loop.lua"
  local lack = copas.lack()

  it("prints two balances #matrix", function()
    if lack then
      pending(lack)
    end
    local output, status = run(script, "", copas.setting)
    assert.equal(("tempolor\t%s\nudio\t%d\n"):format(
      accounts.tempolor.main.balance, accounts.udio.main.credits), output)
    assert.equal(0, status)
  end)

  it("prints why one cannot be had", function()
    if lack then
      pending(lack)
    end
    local output, status = run(script, "",
      copas.setting .. " UDIO_API_KEY=a-wrong-key")
    assert.matches("^tempolor\t776%.56\nudio\tudio: auth: [^\n]+\n$", output)
    assert.equal(0, status)
  end)
end)

describe("make demo", function()
  local script = "spec/sandbox/demo.lua"

  it("shows three balances and a failure #matrix", function()
    local output, status = run(script)
    contains("TemPolor       776.56 credits available\n", output)
    contains("Udio           195 credits available\n", output)
    contains("Tencent Cloud  10,000,000,000 cents, which is 100,000,000.00"
      .. " available\n", output)
    for _, line in ipairs {
      "balance +776%.56  <%- available", "credits +195  <%- available",
      "used_credits +5", "Balance +0",
      "RealCreditBalance +10000000000  <%- available",
      "from +https://localhost:%d+", "in +%d+%.%d ms",
      "tempolor: auth: [^\n]+", "err%.kind +auth", "err%.code +400002",
      "err%.message +%S[^\n]+", "err%.hint +%S[^\n]+",
    } do
      assert.matches("\n +" .. line .. "\n", output)
    end
    assert.equal(0, status)
  end)

  it("fails where one of the three does", function()
    local output, status = run(script, "",
      bench .. " UDIO_API_KEY=a-wrong-key")
    contains("Udio           udio: auth: ", output)
    contains("Tencent Cloud  4,200 cents, which is 42.00 available", output)
    assert.equal(1, status)
  end)
end)
