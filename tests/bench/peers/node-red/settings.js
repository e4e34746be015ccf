// Node-RED as small as its settings make it, so that what is measured is the flow: no editor, no admin API, no projects, no palette to
// install from, nothing logged but faults.
module.exports = {
    uiHost: "127.0.0.1",
    uiPort: Number(process.env.PORT),
    flowFile: "flow.json",
    httpAdminRoot: false,
    disableEditor: true,
    telemetry: { enabled: false, updateNotification: false },
    credentialSecret: false,
    runtimeState: { enabled: false, ui: false },
    diagnostics: { enabled: false, ui: false },
    externalModules: { autoInstall: false, palette: { allowInstall: false }, modules: { allowInstall: false } },
    editorTheme: { projects: { enabled: false } },
    logging: { console: { level: "error", metrics: false, audit: false } },
};
