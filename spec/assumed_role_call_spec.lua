-- SPDX-License-Identifier: MIT
--
-- Calls with the keys of a role that is assumed, and with the variables of
-- Tencent's platform.
local accounts = require("sandbox.accounts").tencent
local balance = require "balance"
local home = require "support.home"
local process = require "support.process"

before_each(home.make)
after_each(home.remove)

describe("balance.tencent() with a role", function()
  local main, role = accounts.main, accounts.assumed
  local no_role = "qcs::cam::uin/1000:roleName/none"

  local function profile(text)
    home.write(".tccli/default.credential", text)
  end

  -- In a process of its own, with only these variables and this home.
  local function call(settings, code)
    return process.run_lua(code or [[
      local result, err = require("balance").tencent()
      io.write(result and result.Uin or tostring(err))
    ]], ("env -u TENCENTCLOUD_SECRET_ID -u TENCENTCLOUD_SECRET_KEY HOME=%s %s")
      :format(home.path, settings))
  end

  it("is the balance of the role's account", function()
    profile(('{"secretId":"%s","secretKey":"%s","role-arn":"%s",'
      .. '"role-session-name":"spec"}'):format(main.secret_id,
      main.secret_key, role.role))
    assert.equal("600000561289", (call ""))
    assert.equal("600000561289", (call(
      ("TENCENTCLOUD_SECRET_ID=%s TENCENTCLOUD_SECRET_KEY=%s"
      .. " TENCENTCLOUD_ROLE_ARN=%s TENCENTCLOUD_ROLE_SESSION_NAME=spec")
      :format(main.secret_id, main.secret_key, role.role))))
  end)

  it("is a failure where the role is refused, in one line, and no balance",
    function()
      profile(('{"secretId":"%s","secretKey":"%s","role-arn":"%s"}'):format(
        main.secret_id, main.secret_key, no_role))
      assert.matches("^tencent: api: the role " .. no_role:gsub("%p",
        "%%%0") .. " of ~/.tccli/default.credential cannot be assumed: The"
        .. " role does not exist %(code InvalidParameter.RoleNotExist, HTTP"
        .. " 200, request [%x-]+%)$", (call ""))
    end)

  it("is among all accounts, and a role that fails is a failure", function()
    profile(('{"secretId":"%s","secretKey":"%s","role-arn":"%s"}'):format(
      main.secret_id, main.secret_key, no_role))
    assert.equal("api", (call("", [[
      local _, failures = require("balance").all()
      io.write(failures.tencent and failures.tencent.kind or "left out")
    ]])))
  end)

  it("signs with the service's time where this machine's clock is wrong",
    function()
      profile(('{"secretId":"%s","secretKey":"%s","role-arn":"%s"}'):format(
        main.secret_id, main.secret_key, role.role))
      assert.equal("600000561289", (call("", [[
        local time = os.time
        os.time = function(...) return time(...) - (... and 0 or 1000) end
        local result, err = require("balance").tencent()
        io.write(result and result.Uin or tostring(err))
      ]])))
    end)

  it("is asked for through the call's proxy, and trusts whom it trusts",
    function()
      profile(('{"secretId":"%s","secretKey":"%s","role-arn":"%s"}'):format(
        main.secret_id, main.secret_key, role.role))
      for options, kind in pairs {
        ['{ proxy = "http://127.0.0.1:1" }'] = "connect",
        ['{ ca_file = "LICENSE" }'] = "config",
        ['{ ca_file = "/dev/null" }'] = "config",
      } do
        local output = call("", ([[
          local _, err = require("balance").tencent(%s)
          io.write(err.kind, " ", err.message, " ", tostring(err.attempts))
        ]]):format(options))
        assert.matches("^" .. kind .. " the role qcs.*: .* nil$", output)
      end
    end)

  it("has its options checked before it is asked for", function()
    local result, err = balance.tencent { ca_file = "a\0b",
      proxy = "http://127.0.0.1:1" }
    assert.is_nil(result)
    assert.equal("config", err.kind)
    assert.equal("option 'ca_file' has a control character", err.message)
  end)
end)

describe("the platform's variables", function()
  it("are a set of their own, beside the user's", function()
    local good, other = accounts.temporary, accounts.bench
    local platform = ("TENCENTCLOUD_SECRETID=%s TENCENTCLOUD_SECRETKEY=%s"
      .. " TENCENTCLOUD_SESSIONTOKEN=%s"):format(good.secret_id,
      good.secret_key, good.token)
    local code = [[
      local result, err = require("balance").tencent()
      io.write(result and result.Uin or tostring(err))
    ]]
    local none = "env -u TENCENTCLOUD_SECRET_ID -u TENCENTCLOUD_SECRET_KEY "
    assert.equal("600000561286", (process.run_lua(code, none .. platform)))
    assert.equal("600000561287", (process.run_lua(code,
      ("env TENCENTCLOUD_SECRET_ID=%s TENCENTCLOUD_SECRET_KEY=%s "):format(
        other.secret_id, other.secret_key) .. platform)))
  end)
end)
