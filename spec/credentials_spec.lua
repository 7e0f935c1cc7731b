-- SPDX-License-Identifier: MIT
--
-- Where the keys of a call are looked for, and in which order.
local home = require "support.home"
local process = require "support.process"
local searching = require "support.searching"

local all, plain = searching.all, searching.plain
local environment, find = searching.environment, searching.find
local single = {
  name = "single",
  credentials = { { name = "api_key", variable = "SPEC_API_KEY" } },
}

before_each(home.make)
after_each(home.remove)

describe("the keys of a call", function()
  it("are the options', the call's before the client's", function()
    local set, place = find(plain, {
      { secret_id = "i", secret_key = "k" },
      { secret_id = "I", secret_key = "K", token = "T" },
    })
    assert.same({ secret_id = "i", secret_key = "k" }, set)
    assert.equal("options", place)
    set = find(plain, { { timeout = 5 },
      { secret_id = "I", secret_key = "K", token = "T", region = "r" } })
    assert.same({ secret_id = "I", secret_key = "K", token = "T" }, set)
  end)

  it("are from one place, all together", function()
    for _, layers in ipairs {
      { { secret_id = "i" }, { secret_id = "I", secret_key = "K" } },
      { {}, { token = "t", secret_id = "i" } },
      { { secret_id = "i", secret_key = " " } },
    } do
      local set, message = find(plain, layers,
        environment { SPEC_ID = "i", SPEC_KEY = "k" })
      assert.is_nil(set)
      assert.equal("'secret_key' is missing or empty: "
        .. "keys are taken from one place, "
        .. "all together", message)
    end
    local set = find(plain, { { secret_id = "i", secret_key = "k" } },
      environment { SPEC_TOKEN = "of another" })
    assert.is_nil(set.token)
  end)

  it("are trimmed, and have no control character inside", function()
    local set = find(plain, { { secret_id = " i\r\n", secret_key = "\tk " } })
    assert.same({ secret_id = "i", secret_key = "k" }, set)
    for _, character in ipairs { "\r\n", "\t", "\0", "\127" } do
      local message
      set, message = find(plain, { { secret_id = "s3cr3t" .. character .. "x",
        secret_key = "k" } })
      assert.is_nil(set)
      assert.equal("'secret_id' has a control character", message)
    end
  end)

  it("are the environment's where no option has one", function()
    local set, place = find(plain, { {} },
      environment { SPEC_ID = " i ", SPEC_KEY = "k", SPEC_TOKEN = "" })
    assert.same({ secret_id = "i", secret_key = "k" }, set)
    assert.equal("environment", place)
  end)

  it("may be in one of two sets of variables, which are never mixed",
    function()
      local two = { name = "two", credentials = {
        { name = "secret_id", variable = { "SPEC_ID", "OTHER_ID" } },
        { name = "secret_key", variable = { "SPEC_KEY", "OTHER_KEY" } },
        { name = "token", variable = { "SPEC_TOKEN", "OTHER_TOKEN" },
          optional = true },
      } }
      local first = { secret_id = "i", secret_key = "k" }
      local second = { secret_id = "I", secret_key = "K", token = "T" }
      for _, case in ipairs {
        { first, { SPEC_ID = "i", SPEC_KEY = "k", OTHER_TOKEN = "T" } },
        { first, { SPEC_ID = "i", SPEC_KEY = "k", OTHER_ID = "I",
          OTHER_KEY = "K", OTHER_TOKEN = "T" } },
        { second, { OTHER_ID = "I", OTHER_KEY = "K", OTHER_TOKEN = "T" } },
        { second, { OTHER_ID = "I", OTHER_KEY = "K", OTHER_TOKEN = "T",
          SPEC_TOKEN = "t" } },
        { second, { OTHER_ID = "I", OTHER_KEY = "K", OTHER_TOKEN = "T",
          SPEC_ID = "i", SPEC_KEY = "\r" } },
      } do
        assert.same(case[1], (find(two, {}, environment(case[2]))))
      end
      local set, message = find(two, {}, environment { SPEC_ID = "s3cr3t",
        OTHER_KEY = "s3cr3t", OTHER_TOKEN = "s3cr3t" })
      assert.is_nil(set)
      assert.equal("no key: give secret_id and secret_key, or set SPEC_ID and "
        .. "SPEC_KEY in the environment (SPEC_KEY is missing or empty, "
        .. "OTHER_ID is missing or empty)", message)
    end)

  it("are none where a provider needs none", function()
    assert.same({}, (find({ name = "open", credentials = {} }, { {} })))
  end)

  it("are looked for in the real environment by themselves", function()
    local output, status = process.run_lua([[
      local credentials = require "balance.credentials"
      local set, place = credentials.find({
        credentials = { { name = "key", variable = "SPEC_KEY" } },
      }, {})
      io.write(set.key, " ", place)
      local _, message = credentials.find({
        credentials = { { name = "key" } },
        credential_sources = { "tccli_file" },
      }, {})
      io.write("|", message)
    ]], "env -u TCCLI_PROFILE HOME=/no/such SPEC_KEY=k")
    assert.equal(0, status, output)
    assert.equal("k environment|no key: give key; also looked at "
      .. "~/.tccli/default.credential (not there)", output)
  end)
end)

describe("a call without keys", function()
  it("says what was looked at, in order", function()
    local _, message = find(single)
    assert.equal("no key: give api_key, or set SPEC_API_KEY in the "
      .. "environment", message)
    _, message = find(all, { { cvm_role = "no/role" } })
    assert.equal("no key: give secret_id and secret_key, or set SPEC_ID and "
      .. "SPEC_KEY in the environment; also looked at "
      .. "~/.tencentcloud/credentials (not there), "
      .. "/etc/tencentcloud/credentials (not there), "
      .. "~/.tccli/default.credential (not there), "
      .. "the CVM role (that is no role's name)", message)
    _, message = find(all, {}, { home = false })
    assert.matches("~/.tencentcloud/credentials (HOME is not set)", message, 1,
      true)
    assert.matches("~/.tccli/default.credential (HOME is not set)", message, 1,
      true)
    assert.is_nil(message:find "CVM") -- the option is not given
  end)

  it("says what the environment lacks", function()
    local _, message = find(plain, {}, environment { SPEC_KEY = "s3cr3t" })
    assert.equal("no key: give secret_id and secret_key, or set SPEC_ID and "
      .. "SPEC_KEY in the environment (SPEC_ID is missing or empty)", message)
    _, message = find(plain, {}, environment { SPEC_KEY = "s3cr\n3t" })
    assert.matches("(SPEC_KEY has a control character)", message, 1, true)
    _, message = find(plain, {}, environment { SPEC_ID = "s3cr3t",
      SPEC_KEY = "k", SPEC_TOKEN = "s3cr\0003t" })
    assert.matches("(SPEC_TOKEN has a control character)", message, 1, true)
  end)

  it("says it in one line, without a value", function()
    local s3cr3t = "s3cr3t"
    home.write(searching.ini, "[default]\nsecret_id = s3cr3t\n")
    home.write(".tccli/default.credential", '{"secretKey":"s3cr3t"}')
    local _, message = find(all, { { cvm_role = s3cr3t .. "/" } },
      environment { SPEC_ID = s3cr3t, TENCENTCLOUD_PROFILE = s3cr3t })
    assert.is_nil(message:find(s3cr3t, 1, true))
    assert.is_nil(message:find "%c")
  end)
end)

describe("a function for credentials", function()
  local function current(first, second)
    return { credentials = function() return first, second end }
  end

  it("gives the current ones at each call", function()
    local count = 0
    local layer = { credentials = function()
      count = count + 1
      return { secret_id = "i" .. count, secret_key = " k\n", other = "x" }
    end }
    local set, place = find(plain, { {}, layer },
      environment { SPEC_ID = "i", SPEC_KEY = "k", SPEC_TOKEN = "t" })
    assert.same({ secret_id = "i1", secret_key = "k" }, set)
    assert.equal("credentials", place)
    assert.equal("i2", find(plain, { layer }).secret_id)
  end)

  it("of the call wins over the client's keys, and keys over it", function()
    local keys = { secret_id = "i", secret_key = "k" }
    local layer = current { secret_id = "vault", secret_key = "k" }
    assert.equal("vault", find(plain, { layer, keys }).secret_id)
    assert.equal("i", find(plain, { keys, layer }).secret_id)
    layer.secret_id, layer.secret_key = "i", "k"
    assert.equal("i", find(plain, { layer }).secret_id)
  end)

  it("that has none ends the search", function()
    for _, case in ipairs {
      { current(nil, "Vault is\nsealed"), "Vault is sealed" },
      { current(nil), "it returned no keys" },
      { current {}, "it returned no keys" },
      { current("s3cr3t"), "it returned no keys" },
      { current { secret_id = "i" }, "'secret_key' is missing or empty: "
        .. "keys are taken "
        .. "from one place, all together" },
      { current { secret_id = "i", secret_key = "s3c\nr3t" },
        "'secret_key' has a control character" },
      { current { secret_id = "i", secret_key = 5 },
        "'secret_key' is a number, not a string" },
    } do
      local set, message = find(plain, { case[1] },
        environment { SPEC_ID = "i", SPEC_KEY = "k" })
      assert.is_nil(set)
      assert.equal("option 'credentials': " .. case[2], message)
    end
  end)

  it("may raise, which goes through", function()
    local mistake = {}
    local ok, raised = pcall(find, plain,
      { { credentials = function() error(mistake) end } })
    assert.is_false(ok)
    assert.equal(mistake, raised)
  end)
end)
