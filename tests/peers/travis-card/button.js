// SPDX-License-Identifier: Apache-2.0
// The button of README, which the test writes to BuildButton.jsx, on a component's page.
import { BuildButton } from './BuildButton.jsx';
import { showPage } from './app.js';

export function show({ name, ...page }) {
	showPage({ ...page, plugins: [], content: BuildButton,
		entity: { apiVersion: 'backstage.io/v1alpha1', kind: 'Component', metadata: { name } } });
}
