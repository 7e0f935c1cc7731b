-- SPDX-License-Identifier: MIT
--
-- `balance doctor`: what it finds, and what it says to do.
local accounts = require "sandbox.accounts"
local cjson = require "cjson"
local command = require "support.command"
local process = require "support.process"

-- Whether a line says this of a check.
local function has(output, state, check, finding)
  local pattern = ("\n  %s +%s +"):format(state, check)
  local from = 1
  while true do
    local _, last = ("\n" .. output):find(pattern, from)
    if not last then
      return false
    end
    if ("\n" .. output):find(finding, last + 1, true) == last + 1 then
      return true
    end
    from = last
  end
end

local function finds(output, state, check, finding)
  assert.is_true(has(output, state, check, finding), output)
end

describe("balance doctor #fast", function()
  setup(command.setup)
  teardown(command.teardown)
  before_each(command.new_home)

  it("looks at the system, the accounts, each step and the state", function()
    local output, errors = command.expect(0, "doctor")
    assert.equal("", errors)
    local sections = {}
    for title in output:gmatch "%f[^\n%z](%a[^\n]*)" do
      sections[#sections + 1] = title
    end
    assert.same({ "system", "accounts", "tempolor", "tencent", "udio", "state",
      "nothing is wrong" }, sections)
    finds(output, "ok", "balance", require "balance.version")
    finds(output, "ok", "libcurl", require("balance.core").info().libcurl)
    finds(output, "ok", "OpenSSL", "OpenSSL ")
    finds(output, "ok", "trust", os.getenv "SSL_CERT_FILE"
      .. ", of SSL_CERT_FILE: 1 certificate")
    finds(output, "ok", "proxy", "none")
    finds(output, "ok", "keys", "from the environment: UDIO_API_KEY")
    finds(output, "ok", "shape", "they look like keys")
    finds(output, "ok", "site", "intl, the default")
    finds(output, "ok", "endpoint", os.getenv "UDIO_ENDPOINT")
    finds(output, "ok", "TLS", "the chain is trusted, ")
    finds(output, "ok", "answer", "HTTP 200, the amount is in credits, ")
    finds(output, "ok", "clock", "")
    finds(output, "ok", "file", "~/.local/state/balance/state.sqlite, which"
      .. " the first round makes")
    for _, step in ipairs { "DNS", "connect" } do
      assert.matches("\n  ok +" .. step .. " +%d+ ms\n", output)
    end
  end)

  it("asks nobody with --offline", function()
    local output = command.expect(0, "doctor --offline",
      "UDIO_ENDPOINT=http://127.0.0.1:1")
    assert.is_nil(output:find "answer")
    finds(output, "ok", "shape", "they look like keys")
  end)

  it("finds what is wrong with the shape of a key", function()
    for key, finding in pairs {
      ["'\"x\"'"] = "api_key has quotes around it",
      ["'a b'"] = "api_key has a blank inside",
      ["'Bearer x'"] = "'Bearer ' is put before the key for you",
      ["kéy"] = "api_key has a character that is not ASCII",
    } do
      local output = command.expect(2, "doctor udio --offline",
        "UDIO_API_KEY=" .. key)
      finds(output, "wrong", "shape", finding)
      assert.matches("\n +%-> correct the key where it stands\n", output)
      assert.matches("\n1 thing is wrong\n$", output)
    end
    local main = accounts.tencent.main
    local output = command.expect(2, "doctor tencent",
      ("TENCENTCLOUD_SECRET_ID=%s TENCENTCLOUD_SECRET_KEY=%s"):format(
        main.secret_key, main.secret_id))
    finds(output, "wrong", "shape", "the id is where the key should be")
    assert.matches("\n2 things are wrong\n$", output)
  end)

  it("says what each failure of a step asks for", function()
    local dead = "http://127.0.0.1:1"
    local bundle = "/etc/ssl/certs/ca-certificates.crt"
    for setting, found in pairs {
      ["UDIO_ENDPOINT=https://nosuch.invalid"] = { "DNS", "" },
      ["UDIO_ENDPOINT=" .. dead] = { "connect", "" },
      ["SSL_CERT_FILE=" .. bundle] = { "TLS", "" },
      ["UDIO_API_KEY=wrong"] = { "answer", "auth: " },
      ["UDIO_API_KEY=" .. accounts.udio.limited.api_key] =
        { "answer", "rate_limit: " },
      ["UDIO_API_KEY=" .. accounts.udio.down.api_key] =
        { "answer", "http: " },
    } do
      local output = command.expect(2, "doctor udio --timeout 5", setting)
      finds(output, "wrong", found[1], found[2])
      assert.matches("\n +%-> %w", output)
      assert.matches("\n1 thing is wrong\n$", output)
    end
  end)

  it("says which permission is missing, and which site it is", function()
    local _, key = next { accounts.tencent.refused }
    local output = command.expect(2, "doctor tencent",
      ("TENCENTCLOUD_SECRET_ID=%s TENCENTCLOUD_SECRET_KEY=%s"):format(
        key.secret_id, key.secret_key))
    assert.matches("%-> this site does not know the key; keys of the"
      .. " international and the mainland site", output)
  end)

  it("names the trust store that is missing, and the proxy without its"
    .. " password", function()
      local output = command.expect(2, "doctor --offline udio",
        "SSL_CERT_FILE=/nowhere https_proxy=http://me:secret@proxy:3128")
      finds(output, "wrong", "trust",
        "/nowhere, of SSL_CERT_FILE: 0 certificates")
      finds(output, "ok", "proxy", "http://***@proxy:3128, of https_proxy")
      assert.is_nil(output:find "secret")
      output = command.expect(0, "doctor --offline udio",
        "env -u https_proxy all_proxy=me:sec/ret@proxy:3128")
      finds(output, "ok", "proxy", "***@proxy:3128, of all_proxy")
      -- a list of directories, of which one is enough
      output = command.expect(0, "doctor --offline udio",
        "env -u SSL_CERT_FILE SSL_CERT_DIR=/nowhere:/etc/ssl/certs")
      finds(output, "ok", "trust", "/nowhere:/etc/ssl/certs, of SSL_CERT_DIR")
    end)

  it("looks everywhere for the keys of all providers where there are none",
    function()
      local output = command.expect(2, "doctor", "env -u UDIO_API_KEY"
        .. " -u TEMPOLOR_API_KEY -u TENCENTCLOUD_SECRET_ID")
      finds(output, "ok", "passed by",
        "the environment (TENCENTCLOUD_SECRET_ID is missing or empty)")
      finds(output, "ok", "passed by", "~/.tccli/default.credential (not"
        .. " there)")
      assert.matches("wrong +keys +none was found\n +%-> set UDIO_API_KEY\n",
        output)
      assert.matches("\n3 things are wrong\n$", output)
    end)

  it("has the accounts file among its findings, right or wrong", function()
    command.write_accounts([[{ "accounts": { "studio": {
      "provider": "udio", "api_key": "env:STUDIO_KEY" } } }]], "644")
    local output, errors = command.expect(2, "doctor studio")
    assert.equal("", errors)
    finds(output, "warning", "file", "~/.config/balance/accounts.json can be"
      .. " read by others")
    finds(output, "wrong", "keys", "api_key: the variable STUDIO_KEY is not")
    assert.is_nil(output:find "answer")
    output = command.expect(0, "doctor studio", 'STUDIO_KEY="$UDIO_API_KEY"')
    finds(output, "ok", "keys", "api_key from env:STUDIO_KEY")
    command.write_accounts [[{ "accounts": { "half": {
      "provider": "tencent", "secret_id": "cmd:echo x" } } }]]
    output = command.expect(2, "doctor half")
    finds(output, "ok", "keys", "secret_id from a command")
    finds(output, "wrong", "keys", "secret_key is missing")
    command.write_accounts "{"
    output = command.expect(2, "doctor")
    finds(output, "wrong", "accounts", "~/.config/balance/accounts.json: it is"
      .. " no JSON: line 1")
  end)

  it("looks at the state file", function()
    command.expect(0, "get udio")
    local path = command.home .. "/.local/state/balance/state.sqlite"
    local output = command.expect(0, "doctor udio")
    finds(output, "ok", "file", "~/.local/state/balance/state.sqlite, and it"
      .. " is sound")
    process.run("chmod 644 " .. path)
    output = command.expect(0, "doctor udio --offline")
    finds(output, "warning", "file", "~/.local/state/balance/state.sqlite can"
      .. " be read by others (mode 644)")
    process.write(path, ("x"):rep(5000))
    output = command.expect(2, "doctor udio --offline")
    finds(output, "wrong", "file", "~/.local/state/balance/state.sqlite: file"
      .. " is not a database")
    output = command.expect(2, "doctor udio --offline --state /nowhere/x")
    finds(output, "wrong", "file", "/nowhere/x cannot be made")
    output = command.expect(2, "doctor udio --offline", "HOME=/dev/null")
    finds(output, "wrong", "file", "~/.local/state/balance/state.sqlite"
      .. " cannot be made")
    output = command.expect(0, "doctor udio --offline --state none")
    finds(output, "skipped", "file", "nothing is to be remembered")
  end)

  it("has no key, no account's number and no amount in its report", function()
    local output = command.expect(0, "doctor --json")
    local report = cjson.decode(output)
    assert.equal(1, report.version)
    assert.equal(0, report.wrong)
    for _, name in ipairs { "tempolor", "udio", "tencent" } do
      local main = accounts[name].main
      for _, secret in ipairs { main.api_key or main.secret_id,
        main.secret_key } do
        assert.is_nil(output:find(secret, 1, true))
      end
    end
    assert.is_nil(output:find "600000561284")
    assert.is_nil(output:find "776.56")
    assert.is_nil(output:find(command.home, 1, true))
    for _, finding in ipairs(report.findings) do
      assert.is_string(finding.section)
      assert.is_string(finding.check)
      assert.is_string(finding.finding)
    end
    report = cjson.decode((command.expect(2, "doctor udio --json",
      "UDIO_API_KEY=wrong")))
    assert.equal(1, report.wrong)
  end)

  it("finds what nginx hides from its workers", function()
    local path = command.write("nginx.conf", [[
      # env UDIO_API_KEY;
      env TEMPOLOR_API_KEY;env TENCENTCLOUD_SECRET_KEY=x;
      events {} http { include conf.d/*; }
    ]])
    local output = command.expect(2, "doctor --offline --nginx " .. path)
    finds(output, "wrong", "env", "nginx hides UDIO_API_KEY from its workers")
    finds(output, "wrong", "env", "nginx hides TENCENTCLOUD_SECRET_ID from")
    assert.is_false(has(output, "wrong", "env", "nginx hides TEMPOLOR"))
    assert.is_false(has(output, "wrong", "env",
      "nginx hides TENCENTCLOUD_SECRET_KEY"))
    finds(output, "warning", "shared dicts", "there is none")
    finds(output, "warning", "include", "what is included was not read")
    output = command.expect(0, "doctor --offline --nginx -", "",
      "<examples/openresty/nginx.conf")
    finds(output, "ok", "env", "the workers see the variables with keys")
    finds(output, "ok", "shared dicts", "balances")
    assert.matches("^balance: %-%-nginx: /nowhere: ",
      select(2, command.expect(64, "doctor --offline --nginx /nowhere")))
  end)

  it("has colours in a terminal, and fits it", function()
    local output, status = command.in_terminal("doctor udio", nil, 60)
    assert.equal(0, status)
    assert.matches("\n  \27%[32mok\27%[0m +proxy +none\n", output)
    for line in output:gsub("\27%[%d+m", ""):gmatch "[^\n]+" do
      local is_one_word = line:find "^ +[^ ]+$" -- which cannot be broken
      assert.is_true(#line <= 60 or is_one_word ~= nil, line)
    end
  end)
end)
